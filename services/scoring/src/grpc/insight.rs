//! `InsightService`.

use salient_core::{AccountId, ContactId, Error, ProductId, Result, TenantId, ids::parse_path};
use salient_kit::{accept, status};
use salient_learn::{contact_time::Hours, health, need, potential, price};
use salient_proto::scoring::v1::{
    self as pb, best_contact_time::Channel as Wire, insight_service_server::InsightService as Contract,
};
use serde::de::DeserializeOwned;
use tonic::{Request, Response, Status};

use super::{answers, funnel, times};
use crate::{
    insight::{
        Kind, Lacking,
        contact_time::{Channel, Reached},
        lifetime::Lifetimes,
        need::Products,
        potential::Region,
        price::{Asked, Deals, Group},
    },
    run::Scoring,
    store::{
        contacts,
        insights::{self, Source},
    },
};

/// Days that a lifetime value speaks of, if the request says nothing.
const LIFETIME_DAYS: i32 = 365;

/// Days ahead that needs are forecast for, if the request says nothing.
const NEED_DAYS: i32 = 30;

/// The service.
#[derive(Clone, Debug)]
pub struct Insight {
    /// What its verbs work with.
    pub scoring: Scoring,
}

/// What is kept about a profile, with what was fitted for all.
struct About<F, T> {
    account: AccountId,
    source: Source,
    fit: F,
    kept: T,
}

impl Insight {
    /// What is kept of a kind about the profile of the account in `name`, a name like `pattern`.
    ///
    /// # Errors
    /// `RESOURCE_UNKNOWN` before the first run that met it, `NOT_ENOUGH_DATA` where that is what the
    /// run found.
    async fn named<F: DeserializeOwned, T: DeserializeOwned>(
        &self,
        tenant: &TenantId,
        kind: Kind,
        pattern: &str,
        name: &str,
    ) -> Result<About<F, T>> {
        let [account] = parse_path("name", pattern, name)?;
        let account = AccountId::parse_name(&format!("accounts/{account}"))?;
        self.about(tenant, kind, account, name).await
    }

    /// The same, of an account; what is missing is called `name`.
    async fn about<F: DeserializeOwned, T: DeserializeOwned>(
        &self,
        tenant: &TenantId,
        kind: Kind,
        account: AccountId,
        name: &str,
    ) -> Result<About<F, T>> {
        let mut read = self.scoring.db.read().await?;
        let account = insights::root_of(&mut read, tenant, account).await?;
        let found = insights::of_account(&mut read, tenant, kind, account).await?;
        let insights::Insight { source, fit, kept } = found.ok_or_else(|| Error::not_found(name))?;
        Ok(About { account, source, fit: fit?, kept: kept? })
    }

    /// When somebody is best reached.
    async fn best_time(
        &self,
        tenant: &TenantId,
        from: &pb::GetBestContactTimeRequest,
    ) -> Result<pb::BestContactTime> {
        let [contact] = parse_path("name", "contacts/{contact}/bestContactTime", &from.name)?;
        let contact = ContactId::parse_name(&format!("contacts/{contact}"))?;
        let channel = match from.channel() {
            Wire::Unspecified | Wire::Call => Channel::Call,
            Wire::Email => Channel::Email,
        };
        let allowed = allowed(from)?;
        let mut read = self.scoring.db.read().await?;
        let unknown = || Error::not_found(&from.name);
        let person = contacts::get(&mut read, tenant, contact).await?.ok_or_else(unknown)?;
        let fitted = insights::fit::<Reached>(&mut read, tenant, Kind::ContactTime).await?;
        let (source, reached) = fitted.ok_or_else(unknown)?;
        let tried = contacts::attempts_of(&mut read, tenant, &person).await?;
        let windows = reached?.best(&person, &tried, channel, &allowed)?;
        let now = self.scoring.clock.now();
        Ok(times::best_contact_time(contact, &source, (channel, &person), &windows, now))
    }

    /// What is asked of a price, with the customer group of the account.
    async fn asked(&self, tenant: &TenantId, from: &pb::GetPriceGuidanceRequest) -> Result<Asked> {
        let account = match from.account.as_str() {
            "" => None,
            name => {
                let account = AccountId::parse_field("account", name)?;
                let about: About<price::Config, Group> =
                    self.about(tenant, Kind::Prices, account, name).await?;
                Some((about.account, about.kept))
            }
        };
        Ok(Asked {
            account,
            quantity: from.quantity,
            unit_cost: from.unit_cost,
            list_price: from.list_price,
            agreed_price: from.agreed_price,
        })
    }
}

/// A refusal of the guidance, in the caller's terms.
fn unguided(error: salient_learn::Error) -> Error {
    match error {
        salient_learn::Error::NotEnoughData { .. } => Lacking::from(error).into(),
        salient_learn::Error::Invalid { what: "list_price", why } => Error::field("list_price", why),
        other => Error::internal(other),
    }
}

/// The hours in which somebody may be contacted.
fn allowed(from: &pb::GetBestContactTimeRequest) -> Result<Hours> {
    let weekdays: Vec<u8> = match from.weekdays.as_slice() {
        [] => (0..5).collect(),
        days => days.iter().filter_map(|day| u8::try_from(day - 1).ok()).collect(),
    };
    let (start, end) = match (from.start_hour, from.end_hour) {
        (0, 0) => (8, 18),
        hours => hours,
    };
    let hour = |hour: i32| u8::try_from(hour).unwrap_or(u8::MAX);
    Hours::between(&weekdays, hour(start), hour(end))
        .map_err(|_| Error::field("end_hour", format!("{end}; an hour after {start}, up to 24, is accepted")))
}

/// What was asked for, or what stands for nothing.
fn days(asked: i32, default: i32) -> i32 {
    if asked == 0 { default } else { asked }
}

#[tonic::async_trait]
impl Contract for Insight {
    async fn get_lifetime_value(
        &self,
        request: Request<pb::GetLifetimeValueRequest>,
    ) -> Result<Response<pb::GetLifetimeValueResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let pattern = "accounts/{account}/lifetimeValue";
        let found = async {
            let About { account, source, fit, kept } =
                self.named::<Lifetimes, _>(ctx.tenant(), Kind::Lifetime, pattern, &message.name).await?;
            let horizon = days(message.horizon_days, LIFETIME_DAYS);
            let outlook = fit.outlook(&kept, f64::from(horizon)).map_err(Error::internal)?;
            Result::Ok(answers::lifetime_value(account, &source, horizon, &fit, &kept, &outlook))
        };
        let lifetime_value = Some(found.await.map_err(status)?);
        Ok(Response::new(pb::GetLifetimeValueResponse { lifetime_value }))
    }

    async fn get_best_contact_time(
        &self,
        request: Request<pb::GetBestContactTimeRequest>,
    ) -> Result<Response<pb::GetBestContactTimeResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let best_contact_time = Some(self.best_time(ctx.tenant(), &message).await.map_err(status)?);
        Ok(Response::new(pb::GetBestContactTimeResponse { best_contact_time }))
    }

    async fn get_health(
        &self,
        request: Request<pb::GetHealthRequest>,
    ) -> Result<Response<pb::GetHealthResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let pattern = "accounts/{account}/health";
        let found = async {
            let About { account, source, kept, .. } =
                self.named::<health::Config, _>(ctx.tenant(), Kind::Health, pattern, &message.name).await?;
            Result::Ok(answers::health(account, &source, kept))
        };
        let health = Some(found.await.map_err(status)?);
        Ok(Response::new(pb::GetHealthResponse { health }))
    }

    async fn forecast_need(
        &self,
        request: Request<pb::ForecastNeedRequest>,
    ) -> Result<Response<pb::ForecastNeedResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let pattern = "accounts/{account}/needs";
        let found = async {
            let About { account, source, kept, .. } = self
                .named::<need::Config, Products>(ctx.tenant(), Kind::Needs, pattern, &message.name)
                .await?;
            let horizon = days(message.horizon_days, NEED_DAYS);
            let needs = kept.forecast(source.as_of.timestamp_micros(), horizon.unsigned_abs());
            Result::Ok(answers::needs(account, &source, horizon, needs))
        };
        Ok(Response::new(found.await.map_err(status)?))
    }

    async fn get_price_guidance(
        &self,
        request: Request<pb::GetPriceGuidanceRequest>,
    ) -> Result<Response<pb::GetPriceGuidanceResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let product = ProductId::parse_field("product", &message.product)?;
            let asked = self.asked(ctx.tenant(), &message).await?;
            let mut read = self.scoring.db.read().await?;
            let found = insights::of_name(&mut read, ctx.tenant(), Kind::Prices, product.as_str()).await?;
            let insights::Insight::<price::Config, Deals> { source, fit, kept } =
                found.ok_or_else(|| Error::not_found(&product))?;
            let cutoff = source.as_of.timestamp_micros();
            let guidance = kept?.guide(&asked, cutoff, &fit?).map_err(unguided)?;
            let account = asked.account.map(|(account, _)| account);
            Result::Ok(answers::price_guidance(&product, account, &source, guidance))
        };
        let price_guidance = Some(found.await.map_err(status)?);
        Ok(Response::new(pb::GetPriceGuidanceResponse { price_guidance }))
    }

    async fn get_potential(
        &self,
        request: Request<pb::GetPotentialRequest>,
    ) -> Result<Response<pb::GetPotentialResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let pattern = "accounts/{account}/potential";
        let found = async {
            let About { account, source, kept, .. } = self
                .named::<potential::Config, _>(ctx.tenant(), Kind::Potential, pattern, &message.name)
                .await?;
            Result::Ok(answers::potential(account, &source, kept))
        };
        let potential = Some(found.await.map_err(status)?);
        Ok(Response::new(pb::GetPotentialResponse { potential }))
    }

    async fn get_penetration(
        &self,
        request: Request<pb::GetPenetrationRequest>,
    ) -> Result<Response<pb::GetPenetrationResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let mut read = self.scoring.db.read().await?;
            let found = insights::of_name(&mut read, ctx.tenant(), Kind::Potential, &message.region).await?;
            let insights::Insight::<potential::Config, Region> { source, fit, kept } =
                found.ok_or_else(|| Error::not_found(format!("region {:?}", message.region)))?;
            fit?;
            Result::Ok(answers::penetration(message.region.clone(), &source, &kept?))
        };
        let penetration = Some(found.await.map_err(status)?);
        Ok(Response::new(pb::GetPenetrationResponse { penetration }))
    }

    async fn get_funnel_benchmark(
        &self,
        request: Request<pb::GetFunnelBenchmarkRequest>,
    ) -> Result<Response<pb::GetFunnelBenchmarkResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let funnel_benchmark =
            Some(funnel::get(&self.scoring, ctx.tenant(), &message).await.map_err(status)?);
        Ok(Response::new(pb::GetFunnelBenchmarkResponse { funnel_benchmark }))
    }

    async fn list_funnel_benchmarks(
        &self,
        request: Request<pb::ListFunnelBenchmarksRequest>,
    ) -> Result<Response<pb::ListFunnelBenchmarksResponse>, Status> {
        let (ctx, message) = accept(request)?;
        funnel::list(&self.scoring, ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }
}
