//! Streams of messages, one JSON message a line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::header;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use salient_core::Reason;
use tonic::Streaming;

use super::{call::Call, gateway::beside, head::NDJSON, inlet::Inlet, lines::Lines, problem::Problem};
use crate::transcode::json;

/// A line longer than this is read beside the runtime.
const LONG: usize = 64 * 1024;

/// How far the reading of lines has come, shared with the call that reads them.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Read>>);

#[derive(Default)]
struct Read {
    /// The line of each message.
    lines: Vec<u64>,
    /// What ended the reading before its end.
    fault: Option<Problem>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A service names the message that it refuses by its position; the caller knows lines.
    fn name_line(&self, mut problem: Problem) -> Problem {
        let mut first = None;
        for violation in &mut problem.violations {
            let position = violation.field.strip_prefix("messages[").and_then(|rest| rest.split_once(']'));
            let Some((position, field)) = position else { continue };
            let line =
                position.parse::<usize>().ok().and_then(|position| self.lock().lines.get(position).copied());
            let Some(line) = line else { continue };
            violation.field = field.trim_start_matches('.').to_owned();
            first.get_or_insert(line);
        }
        if let Some(line) = first {
            problem.line = Some(line);
            problem.detail = format!("line {line}: {}", problem.detail);
        }
        problem
    }
}

/// Passes a body on as a stream of messages while it arrives. A line that cannot be read ends the
/// stream there: what stands before it is taken as the service takes it, and the problem says
/// so.
///
/// # Errors
/// What the service answers instead, or the line that cannot be read.
pub async fn upload(call: &Call<'_>, inlet: Inlet, limit: usize) -> Result<Response, Problem> {
    let progress = Progress::default();
    let lines = Lines::new(inlet, limit);
    let messages = messages(call.route.rpc.input(), lines, progress.clone());
    if call.route.rpc.is_server_streaming() {
        return converse(call, messages, progress).await;
    }
    let answer = call.client_streaming(messages).await.map_err(|problem| progress.name_line(problem))?;
    let fault = progress.lock().fault.take();
    let Some(mut problem) = fault else {
        let body = json::write(&answer, call.route.response_field.as_deref()).map_err(|_| unwritable())?;
        return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
    };
    if progress.lock().lines.is_empty() {
        problem.detail.push_str("; nothing was taken");
    } else {
        problem.detail.push_str("; the lines before it were taken, `result` says how");
        problem.result = serde_json::to_value(&answer).ok();
    }
    Err(problem)
}

fn messages(
    of: MessageDescriptor,
    lines: Lines,
    progress: Progress,
) -> impl Stream<Item = DynamicMessage> + Send + 'static {
    stream::unfold(Some((of, lines, progress)), async |state| {
        let (of, mut lines, progress) = state?;
        match next(&of, &mut lines).await {
            Ok(message) => message.map(|message| {
                progress.lock().lines.push(lines.number());
                (message, Some((of, lines, progress)))
            }),
            Err(problem) => {
                progress.lock().fault = Some(problem);
                None
            }
        }
    })
}

async fn next(of: &MessageDescriptor, lines: &mut Lines) -> Result<Option<DynamicMessage>, Problem> {
    let Some(line) = lines.next().await? else { return Ok(None) };
    let number = lines.number();
    let of = of.clone();
    let long = line.len() > LONG;
    let read = move || {
        json::read(&of, &line).map_err(|mut error| {
            // the column stands in the line, and the line is the body's
            error.line = if error.line == 0 { 0 } else { usize::try_from(number).unwrap_or(usize::MAX) };
            let mut problem = Problem::of_fields(vec![error]);
            problem.line = Some(number);
            problem
        })
    };
    if long { beside(read).await.map(Some) } else { read().map(Some) }
}

/// Passes the service's messages on as lines while they arrive. An error in the middle is the
/// last line, as `{"problem": …}`: the status is long sent.
///
/// # Errors
/// What the service answers instead.
pub async fn download(call: &Call<'_>, message: DynamicMessage) -> Result<Response, Problem> {
    converse(call, stream::iter([message]), Progress::default()).await
}

async fn converse<S>(call: &Call<'_>, messages: S, progress: Progress) -> Result<Response, Problem>
where
    S: Stream<Item = DynamicMessage> + Send + 'static,
{
    let answers = call.streaming(messages).await.map_err(|problem| progress.name_line(problem))?;
    let only = call.route.response_field.clone();
    let state = Answers { answers, upstream: call.upstream.to_owned(), only, progress };
    let lines = stream::unfold(Some(state), async |state| {
        let mut state = state?;
        match state.next().await {
            Ok(line) => line.map(|line| (terminated(line), Some(state))),
            Err(problem) => {
                let line = serde_json::to_vec(&serde_json::json!({ "problem": problem })).unwrap_or_default();
                Some((terminated(line), None))
            }
        }
    });
    let lines = lines.map(Ok::<_, std::convert::Infallible>);
    Ok(([(header::CONTENT_TYPE, NDJSON[0])], Body::from_stream(lines)).into_response())
}

struct Answers {
    answers: Streaming<DynamicMessage>,
    upstream: String,
    only: Option<String>,
    progress: Progress,
}

impl Answers {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let answer = self.answers.message().await;
        let answer =
            answer.map_err(|status| self.progress.name_line(Problem::of_call(&status, &self.upstream)))?;
        let Some(message) = answer else {
            // the lines that could be read are answered; now for the one that could not
            return self.progress.lock().fault.take().map_or(Ok(None), Err);
        };
        json::write(&message, self.only.as_deref()).map(Some).map_err(|_| unwritable())
    }
}

fn terminated(mut line: Vec<u8>) -> Bytes {
    line.push(b'\n');
    line.into()
}

fn unwritable() -> Problem {
    Problem::refuse(Reason::Internal, "the answer cannot be written as JSON")
}
