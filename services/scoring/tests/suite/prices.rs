//! Guidance of prices.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::Role;
use salient_proto::{
    common::v1::Estimate,
    scoring::v1::{GetPriceGuidanceRequest, GuidedPrices, PriceGuidance, price_guidance::Guardrail},
};
use tonic::{Code, Status};

use crate::{
    history::{History, sale},
    world::{World, both, why},
};

both!(deals_of_the_like, guardrails, too_few_deals);

/// A history in which the first twenty accounts bought bolts by the ten: retail at 95 to 104, crafts at
/// 115 to 124.
async fn bolts(world: &World) -> History {
    let mut history = world.history();
    let time = world.today() - TimeDelta::days(5);
    for (number, account) in history.accounts.iter().take(20).enumerate() {
        let price = if number % 2 == 0 { 95 } else { 115 } + number as i64 / 2;
        let deal = sale(&world.clock, &account.name, 90_000 + number, time, "bolt", 10, 10 * price);
        history.orders.push(deal);
    }
    world.learn_of("acme", &history).await;
    world.run("acme").await;
    history
}

fn request(account: &str) -> GetPriceGuidanceRequest {
    GetPriceGuidanceRequest {
        product: "products/bolt".into(),
        account: account.into(),
        quantity: 10.0,
        ..Default::default()
    }
}

async fn guided(world: &World, request: GetPriceGuidanceRequest) -> Result<PriceGuidance, Status> {
    let answer = world.insights_of("acme", Role::Seller).get_price_guidance(request).await?;
    Ok(answer.into_inner().price_guidance.unwrap())
}

/// Floor, target and ceiling.
fn prices(of: Option<GuidedPrices>) -> [f64; 3] {
    let of = of.unwrap();
    [of.floor, of.target, of.ceiling].map(|price| minor(price.as_ref()))
}

fn minor(of: Option<&Estimate>) -> f64 {
    let of = of.unwrap();
    assert_eq!(of.currency_code, "GBP");
    of.minor_units
}

async fn deals_of_the_like(world: &World) {
    let history = bolts(world).await;
    // the next of each industry, who never bought any
    let (retail, crafts) = (&history.accounts[20].name, &history.accounts[21].name);
    let of_retail = guided(world, request(retail)).await.unwrap();
    assert_eq!((of_retail.product.as_str(), &of_retail.account), ("products/bolt", retail));
    let evidence = of_retail.evidence.as_ref().unwrap();
    assert_eq!((evidence.deals, evidence.accounts, evidence.own_industry), (10, 10, true));
    assert_eq!((minor(evidence.lowest.as_ref()), minor(evidence.highest.as_ref())), (95.0, 104.0));
    assert_eq!(minor(evidence.median.as_ref()), 99.0);
    // ten deals of one day, drawn to those of all by three deals' worth
    assert!((evidence.effective_deals - 10.0).abs() < 1e-9);
    assert!((evidence.industry_weight - 10.0 / 13.0).abs() < 1e-9);
    let [floor, target, ceiling] = prices(of_retail.prices);
    assert!(floor <= target && target <= ceiling);
    let all = guided(world, request("")).await.unwrap();
    let evidence = all.evidence.as_ref().unwrap();
    assert_eq!((evidence.deals, evidence.own_industry, all.account.as_str()), (20, false, ""));
    let [_, middle, _] = prices(all.prices);
    assert!((target - (middle + 10.0 / 13.0 * (99.0 - middle))).abs() < 1e-9);
    let [of_crafts, ..] = prices(guided(world, request(crafts)).await.unwrap().prices);
    assert!(of_crafts > ceiling);
    assert!(of_retail.testing_allowed && of_retail.applied.is_empty() && of_retail.overruled.is_empty());
}

async fn guardrails(world: &World) {
    let history = bolts(world).await;
    let retail = history.accounts[20].name.as_str();
    let listed = guided(world, GetPriceGuidanceRequest { list_price: Some(97.0), ..request(retail) }).await;
    let listed = listed.unwrap();
    assert_eq!(listed.applied[0].guardrail(), Guardrail::ListPrice);
    assert_eq!(prices(listed.applied[0].after.clone()), prices(listed.prices.clone()));
    assert_eq!(prices(listed.prices)[2], 97.0);
    // cost and least margin lift the floor
    let dear = GetPriceGuidanceRequest { unit_cost: Some(190.0), ..request(retail) };
    let [floor, ..] = prices(guided(world, dear).await.unwrap().prices);
    assert!((floor - 200.0).abs() < 1e-9);
    // no price keeps both
    let torn = GetPriceGuidanceRequest { unit_cost: Some(190.0), list_price: Some(97.0), ..request(retail) };
    let status = guided(world, torn).await.unwrap_err();
    assert!(status.message().contains("list_price"), "{}", status.message());
    assert_eq!(why(Err::<(), _>(status)), (Code::InvalidArgument, Reason::FieldInvalid));
    // who paid 115 as a crafts account is not moved by more than a tenth
    let own = guided(
        world,
        GetPriceGuidanceRequest { list_price: Some(90.0), ..request(&history.accounts[1].name) },
    );
    let own = own.await.unwrap();
    assert_eq!((prices(own.prices), own.overruled), ([90.0; 3], vec![Guardrail::MaxStep as i32]));
    // an agreement settles everything
    let agreed = GetPriceGuidanceRequest { agreed_price: Some(42.0), ..request(retail) };
    let agreed = guided(world, agreed).await.unwrap();
    assert_eq!((prices(agreed.prices), agreed.testing_allowed), ([42.0; 3], false));
    assert_eq!((agreed.applied[0].guardrail(), agreed.test_price), (Guardrail::Agreement, None));
}

async fn too_few_deals(world: &World) {
    let history = bolts(world).await;
    let retail = history.accounts[20].name.as_str();
    // nobody buys that many
    let many = GetPriceGuidanceRequest { quantity: 1000.0, ..request(retail) };
    let status = guided(world, many.clone()).await.unwrap_err();
    assert!(status.message().contains("need 5 comparable deals, have 0"), "{}", status.message());
    assert_eq!(why(Err::<(), _>(status)), (Code::FailedPrecondition, Reason::NotEnoughData));
    let agreed = guided(world, GetPriceGuidanceRequest { agreed_price: Some(42.0), ..many }).await.unwrap();
    assert_eq!((prices(agreed.prices), agreed.evidence), ([42.0; 3], None));
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let nothing = GetPriceGuidanceRequest { product: "products/nothing".into(), ..request(retail) };
    assert_eq!(why(guided(world, nothing).await), unknown);
    let nobody = "accounts/01890000-0000-7000-8000-000000000000";
    assert_eq!(why(guided(world, request(nobody)).await), unknown);
}
