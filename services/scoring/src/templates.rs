//! Declarations that are ready to be declared: what is worth predicting anywhere, in the same language as any
//! other, with the tenant's own horizon.

use salient_core::{Result, TenantId, page};
use salient_learn::{declared::Reading, rhythm::silence_days};
use salient_proto::scoring::v1::{self as pb, model_declaration::Subject};

use crate::{
    declarations::{name_of, said},
    domain::SubjectKind,
    run::{Scoring, refusal},
    streams::Streams,
};

/// Days between runs.
const EVERY_DAYS: i32 = 7;

/// What is told of a template besides its declaration.
type Told = (&'static str, String);

/// All of them, with horizons of so many days.
fn all(days: i32) -> Vec<(Told, pb::ModelDeclaration)> {
    let long = 4 * days;
    let windows = vec![30, days, long];
    let one = |(id, name): (&'static str, &str),
               about: String,
               subject: Subject,
               asked: [String; 2],
               came: &str| {
        let [population, target] = asked;
        let declaration = pb::ModelDeclaration {
            name: name_of(id),
            display_name: format!("{name} within {days} days"),
            subject: subject.into(),
            population,
            target,
            horizon_days: days,
            windows: windows.clone(),
            outcome: came.to_owned(),
            every_days: EVERY_DAYS,
            ..Default::default()
        };
        ((id, about), declaration)
    };
    vec![
        one(
            ("churn", "Leaves"),
            format!(
                "Which customers leave: who at the end has not ordered for {days} days and for three of their own \
                 mean gaps. Asked of those who ordered three times or more in {long} days and have not been \
                 silent for so long already."
            ),
            Subject::Account,
            [
                format!(
                    "orders_{long}d > 2.0 && order_gap_days > 0.0 && (orders_{days}d > 0.0 || order_gap_ratio < 3.0)"
                ),
                format!("orders_{days}d == 0.0 && order_gap_ratio > 3.0"),
            ],
            "left",
        ),
        one(
            ("switch", "Buys elsewhere"),
            format!(
                "Which customers take their business elsewhere, in part or whole: who orders half as often or less \
                 as in the {days} days before, for half as much or less (partial defection, Buckinx and Van den \
                 Poel 2005). Asked of those who ordered three times or more in them. Signs of competitors, lost \
                 opportunities and support requests are features by themselves where they are told."
            ),
            Subject::Account,
            [
                format!("orders_{days}d > 2.0"),
                format!("orders_trend_{days}d < -0.69 && orders_amount_trend_{days}d < -0.69"),
            ],
            "ordered half or less",
        ),
        one(
            ("leads", "Becomes a customer"),
            format!("Which leads become customers: who orders for the first time within {days} days."),
            Subject::Lead,
            [String::new(), format!("orders_{days}d > 0.0")],
            "became customers",
        ),
        one(
            ("wins", "Is won"),
            format!("Which open opportunities are won within {days} days."),
            Subject::Opportunity,
            ["attr_state == \"open\"".to_owned(), "attr_state == \"won\"".to_owned()],
            "were won",
        ),
        one(
            ("second-order", "Orders a second time"),
            format!(
                "Which new customers come again: who ordered for the first time in the last {days} days, and not \
                 again, orders within {days} days."
            ),
            Subject::Account,
            [
                format!("orders_{days}d > 0.0 && days_since_first_order == days_since_last_order"),
                format!("orders_{days}d > 0.0"),
            ],
            "ordered again",
        ),
    ]
}

impl Scoring {
    /// A page of templates.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID`, or the store fails.
    pub async fn templates(
        &self,
        tenant: &TenantId,
        request: &pb::ListModelTemplatesRequest,
    ) -> Result<pb::ListModelTemplatesResponse> {
        let page = page::page(request.page_size, &request.page_token, &["templates", tenant.as_str()])?;
        let begin: usize = page.key()?.unwrap_or_default();
        let now = self.clock.now_micros();
        let streams = Streams::open(&mut self.db.read().await?, tenant, SubjectKind::Account).await?;
        let days = silence_days(&streams.ledger.history.as_of(now));
        let accounts = self.survey(tenant, &streams, now).await?;
        // what is known of leads is what is known of accounts
        let leads = SubjectKind::Lead.seen_to_end(accounts.clone()).map_err(refusal)?;
        let sales = self.schema(tenant, SubjectKind::Opportunity).await?;
        let one = |((id, description), declaration): (Told, pb::ModelDeclaration)| {
            let said = said(&declaration);
            let schema = match said.subject {
                SubjectKind::Opportunity => &sales,
                SubjectKind::Lead => &leads,
                SubjectKind::Account | SubjectKind::Contact => &accounts,
            };
            let wrong = Reading::new(&said.question, schema).err().unwrap_or_default();
            pb::ModelTemplate {
                name: format!("modelTemplates/{id}"),
                description,
                model_declaration: Some(declaration),
                lacking: wrong.into_iter().map(|wrong| format!("{}: {}", wrong.field, wrong.why)).collect(),
            }
        };
        let rows: Vec<_> = all(days).into_iter().enumerate().skip(begin).take(page.size + 1).collect();
        let (rows, next_page_token) = page.cut(rows, |(place, _)| place + 1);
        let model_templates = rows.into_iter().map(|(_, template)| one(template)).collect();
        Ok(pb::ListModelTemplatesResponse { model_templates, next_page_token })
    }
}
