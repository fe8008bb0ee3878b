//! What an operator sees.

use salient_kit::{Caller, Role};
use salient_proto::common::v1::{
    GetEventStatusRequest, ListDeadLettersRequest, ReplayDeadLettersRequest,
    events_service_server::EventsService,
};
use tonic::{Code, Request};

use super::world::{NOTED, Noted, On, Running, Via, World, event, note, tenant};
use crate::{EventsServer, HandlerCtx};

fn call<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        tenant: tenant(),
        subject: "op".to_owned(),
        role: Role::Operator,
    });
    request
}

async fn refuse(_: &mut HandlerCtx, _: Noted) -> salient_core::Result<()> {
    Err(salient_core::Error::field("number", "no"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_dead_letters_and_replay() {
    let world = World::new(On::Sqlite, Via::InProcess).await;
    let consumer = Running::consumer(world.consumer().handle(refuse));
    let relay = Running::relay(world.relay());
    let events = [event("a0", 0), event("a0", 1)];
    world.publish(&events).await;
    world.settled(2).await;

    let repaired = world.consumer().handle(note);
    let server = EventsServer::new(world.listener.clone()).consumer(&repaired);
    let status = server.get_event_status(call(GetEventStatusRequest {})).await.unwrap();
    let types = status.into_inner().types;
    assert_eq!((types[0].r#type.as_str(), types[0].applied, types[0].dead), (NOTED, 0, 2));

    let request = ListDeadLettersRequest { page_size: 1, page_token: String::new() };
    let page = server.list_dead_letters(call(request)).await.unwrap().into_inner();
    assert_eq!(page.dead_letters[0].event_id, events[1].id.to_string());
    assert_eq!((page.dead_letters[0].attempts, page.dead_letters[0].source.as_str()), (5, "teller"));
    let request = ListDeadLettersRequest { page_size: 1, page_token: page.next_page_token };
    let page = server.list_dead_letters(call(request)).await.unwrap().into_inner();
    assert_eq!(page.dead_letters[0].event_id, events[0].id.to_string());
    assert_eq!(page.next_page_token, "");

    let request = ListDeadLettersRequest { page_size: 1, page_token: "nonsense".to_owned() };
    let refused = server.list_dead_letters(call(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let request = ReplayDeadLettersRequest { event_ids: vec!["x".to_owned()] };
    let refused = server.replay_dead_letters(call(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);

    let request = ReplayDeadLettersRequest { event_ids: vec![events[0].id.to_string()] };
    let replayed = server.replay_dead_letters(call(request)).await.unwrap().into_inner();
    assert_eq!((replayed.applied, replayed.failed), (1, 0));
    let request = ReplayDeadLettersRequest { event_ids: vec![] };
    let replayed = server.replay_dead_letters(call(request)).await.unwrap().into_inner();
    assert_eq!((replayed.applied, replayed.failed), (1, 0));
    assert_eq!(world.notes().await["a0"], [0, 1]);
    relay.stop().await;
    consumer.stop().await;
}
