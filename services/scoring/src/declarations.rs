//! What tenants declare: taking it, reading it, trying it against what is known of the subjects.

use prost::Message as _;
use salient_core::{Error, Result, TenantId, Violation, from_micros, page};
use salient_learn::{
    declared::{Brought, Learner, Question, Reading, Rule, Wrong},
    features::{Kind, Schema},
    onnx::Onnx,
};
use salient_proto::scoring::v1::{self as pb, model_declaration::Subject as Wire};
use salient_store::idempotency;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::SubjectKind,
    grpc::convert,
    run::{Scoring, aside},
    store::declarations as store,
};

/// Windows when none are given, days.
const WINDOWS: [i32; 3] = [30, 90, 365];

/// A declaration, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Its id.
    pub id: String,
    /// What was declared.
    pub said: Said,
    /// When it was first declared, microseconds UTC.
    pub create_time: i64,
    /// When it last changed.
    pub update_time: i64,
}

/// What was declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What people call it.
    pub display_name: String,
    /// Of whom.
    #[serde(default)]
    pub subject: SubjectKind,
    /// What is asked.
    pub question: Question,
    /// What a subject did when it came true.
    pub outcome: String,
    /// Days between runs that start by themselves; 0 for none.
    pub every_days: i32,
}

/// The id in a name; empty for an empty name, which is the built-in model's.
#[must_use]
pub fn id_of(name: &str) -> &str {
    name.strip_prefix("modelDeclarations/").unwrap_or(name)
}

/// The name of an id; empty for the built-in model's.
#[must_use]
pub fn name_of(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!("modelDeclarations/{id}") }
}

/// What is declared, without times.
pub(crate) fn said(from: &pb::ModelDeclaration) -> Said {
    let or = |given: &[String], default: &[&str]| {
        if given.is_empty() { default.iter().map(|&text| text.to_owned()).collect() } else { given.to_vec() }
    };
    let windows = if from.windows.is_empty() { WINDOWS.to_vec() } else { from.windows.clone() };
    let subject = subject(from.subject());
    Said {
        display_name: from.display_name.clone(),
        subject,
        question: Question {
            population: from.population.clone(),
            target: from.target.clone(),
            horizon_days: from.horizon_days,
            features: salient_learn::features::Declaration {
                windows,
                keep: or(&from.use_features, &["*"]),
                leave: or(&from.leave_features, &[]),
                ..Default::default()
            },
            segment_by: Some(from.segment_by.clone()).filter(|by| !by.is_empty()),
            allow: from.allow_features.clone(),
            learner: learner(from),
            until: subject.until(),
        },
        outcome: if from.outcome.is_empty() { "came true".into() } else { from.outcome.clone() },
        every_days: from.every_days,
    }
}

fn subject(from: Wire) -> SubjectKind {
    match from {
        Wire::Unspecified | Wire::Account => SubjectKind::Account,
        Wire::Lead => SubjectKind::Lead,
        Wire::Contact => SubjectKind::Contact,
        Wire::Opportunity => SubjectKind::Opportunity,
    }
}

fn learner(from: &pb::ModelDeclaration) -> Learner {
    if let Some(onnx) = &from.onnx {
        let digest = hex::encode(Sha256::digest(&onnx.file));
        return Learner::Onnx(Brought { features: onnx.features.clone(), digest });
    }
    if from.rules.is_empty() {
        return Learner::Best;
    }
    let rule = |rule: &pb::Rule| Rule { name: rule.name.clone(), points: rule.points.clone() };
    Learner::Rules(from.rules.iter().map(rule).collect())
}

/// Whether the file of a model brought along can be run.
fn check_file(from: &pb::ModelDeclaration) -> Result<()> {
    let Some(pb::OnnxModel { file, features, .. }) = &from.onnx else { return Ok(()) };
    let refused = |field: &str, why: String| Error::field(format!("model_declaration.{field}"), why);
    if !from.rules.is_empty() {
        return Err(refused("rules", "a model is brought along; one or the other is accepted".to_owned()));
    }
    Onnx::check(file, features.len()).map_err(|error| refused("onnx.file", error.to_string()))
}

fn on_wire(from: Declaration) -> pb::ModelDeclaration {
    let Said { display_name, subject, question, outcome, every_days } = from.said;
    let subject = match subject {
        SubjectKind::Account => Wire::Account,
        SubjectKind::Lead => Wire::Lead,
        SubjectKind::Contact => Wire::Contact,
        SubjectKind::Opportunity => Wire::Opportunity,
    };
    let (mut rules, mut onnx) = (Vec::new(), None);
    match question.learner {
        Learner::Best => {}
        Learner::Rules(of) => {
            rules.extend(of.into_iter().map(|Rule { name, points }| pb::Rule { name, points }))
        }
        Learner::Onnx(Brought { features, digest }) => {
            onnx = Some(pb::OnnxModel { file: Vec::new(), features, digest });
        }
    }
    pb::ModelDeclaration {
        name: name_of(&from.id),
        display_name,
        subject: subject.into(),
        population: question.population,
        target: question.target,
        horizon_days: question.horizon_days,
        windows: question.features.windows,
        use_features: question.features.keep,
        leave_features: question.features.leave,
        allow_features: question.allow,
        segment_by: question.segment_by.unwrap_or_default(),
        outcome,
        every_days,
        rules,
        onnx,
        create_time: Some(convert::timestamp(from_micros(from.create_time))),
        update_time: Some(convert::timestamp(from_micros(from.update_time))),
    }
}

/// What is wrong with a question, by the fields of the contract.
fn refused(wrong: Vec<Wrong>) -> Error {
    let violation = |wrong: Wrong| Violation {
        field: format!(
            "model_declaration.{}",
            if wrong.field == "features" { "use_features" } else { wrong.field }
        ),
        description: wrong.why,
    };
    Error::fields(wrong.into_iter().map(violation).collect())
}

impl Scoring {
    /// Takes a declaration.
    ///
    /// # Errors
    /// Fields that cannot be, each with what would be right.
    pub async fn declare(
        &self,
        tenant: &TenantId,
        request: &pb::UpsertModelDeclarationRequest,
    ) -> Result<pb::UpsertModelDeclarationResponse> {
        const METHOD: &str = "UpsertModelDeclaration";
        let asked = request.model_declaration.clone().unwrap_or_default();
        let (asked, checked) = aside(move || {
            let checked = check_file(&asked);
            (asked, checked)
        })
        .await?;
        checked?;
        let said = said(&asked);
        let schema = self.schema(tenant, said.subject).await?;
        Reading::new(&said.question, &schema).map_err(refused)?;
        let mut tx = self.db.begin().await?;
        if let Some(answer) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
        {
            return pb::UpsertModelDeclarationResponse::decode(answer.as_slice()).map_err(Error::internal);
        }
        let (id, now) = (id_of(&asked.name), self.clock.now_micros());
        let before = store::get(&mut tx, tenant, id).await?;
        if let Some(before) = before.as_ref().filter(|before| before.said.subject != said.subject) {
            let why = format!(
                "{} is about {}; that is accepted, or another name",
                asked.name,
                before.said.subject.many()
            );
            return Err(Error::field("model_declaration.subject", why));
        }
        let create_time = before.map_or(now, |before| before.create_time);
        let file = asked.onnx.as_ref().map_or(&[][..], |onnx| &onnx.file);
        let declaration = Declaration { id: id.to_owned(), said, create_time, update_time: now };
        store::put_in_tx(&mut tx, tenant, &declaration, file).await?;
        let answer = pb::UpsertModelDeclarationResponse { model_declaration: Some(on_wire(declaration)) };
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// One declaration.
    ///
    /// # Errors
    /// There is none of this id.
    pub async fn declaration(&self, tenant: &TenantId, id: &str) -> Result<Declaration> {
        let found = store::get(&mut self.db.read().await?, tenant, id).await?;
        found.ok_or_else(|| Error::not_found(name_of(id)))
    }

    /// Whom a declaration is about, if it is there; the built-in model, which has none, is about accounts.
    ///
    /// # Errors
    /// The store fails.
    pub async fn subject_of(&self, tenant: &TenantId, id: &str) -> Result<Option<SubjectKind>> {
        if id.is_empty() {
            return Ok(Some(SubjectKind::Account));
        }
        let found = store::get(&mut self.db.read().await?, tenant, id).await?;
        Ok(found.map(|found| found.said.subject))
    }

    /// One declaration, on the wire.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn declared(&self, tenant: &TenantId, name: &str) -> Result<pb::ModelDeclaration> {
        self.declaration(tenant, id_of(name)).await.map(on_wire)
    }

    /// A page of declarations, by id.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID`.
    pub async fn declarations(
        &self,
        tenant: &TenantId,
        request: &pb::ListModelDeclarationsRequest,
    ) -> Result<pb::ListModelDeclarationsResponse> {
        let page = page::page(request.page_size, &request.page_token, &["declarations", tenant.as_str()])?;
        let after: String = page.key()?.unwrap_or_default();
        let rows = store::list(&mut self.db.read().await?, tenant, &after, page.limit()).await?;
        let (rows, next_page_token) = page.cut(rows, |row| row.id.clone());
        let model_declarations = rows.into_iter().map(on_wire).collect();
        Ok(pb::ListModelDeclarationsResponse { model_declarations, next_page_token })
    }

    /// Removes a declaration with all that was made of it.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn undeclare(
        &self,
        tenant: &TenantId,
        request: &pb::DeleteModelDeclarationRequest,
    ) -> Result<pb::DeleteModelDeclarationResponse> {
        const METHOD: &str = "DeleteModelDeclaration";
        let mut tx = self.db.begin().await?;
        if let Some(answer) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
        {
            return pb::DeleteModelDeclarationResponse::decode(answer.as_slice()).map_err(Error::internal);
        }
        if !store::remove_in_tx(&mut tx, tenant, id_of(&request.name)).await? {
            return Err(Error::not_found(&request.name));
        }
        let answer = pb::DeleteModelDeclarationResponse {};
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// What conditions and patterns may speak of.
    ///
    /// # Errors
    /// Windows that cannot be, or `PAGE_TOKEN_INVALID`.
    pub async fn features(
        &self,
        tenant: &TenantId,
        request: &pb::ListFeaturesRequest,
    ) -> Result<pb::ListFeaturesResponse> {
        let windows = if request.windows.is_empty() { WINDOWS.to_vec() } else { request.windows.clone() };
        let kind = subject(request.subject());
        let query = ["features", tenant.as_str(), kind.many(), &format!("{windows:?}")];
        let page = page::page(request.page_size, &request.page_token, &query)?;
        let begin: usize = page.key()?.unwrap_or_default();
        let named = Reading::vocabulary(windows, &self.schema(tenant, kind).await?)
            .map_err(|error| Error::field("windows", error.to_string()))?;
        let rows: Vec<_> = named.into_iter().enumerate().skip(begin).take(page.size + 1).collect();
        let (rows, next_page_token) = page.cut(rows, |(place, _)| place + 1);
        let feature = |(_, (name, kind)): (usize, (String, Kind))| {
            let kind = match kind {
                Kind::Text => "text",
                Kind::Bool => "bool",
                Kind::Number | Kind::Date => "number",
            };
            pb::list_features_response::Feature { name, kind: kind.to_owned() }
        };
        Ok(pb::ListFeaturesResponse { features: rows.into_iter().map(feature).collect(), next_page_token })
    }
}

/// The question as it is read against what there is.
///
/// # Errors
/// What can no longer be asked, by field.
pub fn read(question: &Question, schema: &Schema) -> Result<Reading> {
    Reading::new(question, schema).map_err(refused)
}
