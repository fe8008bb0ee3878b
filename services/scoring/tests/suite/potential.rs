//! What accounts could buy, and how regions stand.

use salient_proto::{profile::v1::Account, scoring::v1::potential::Peers};

use crate::world::{World, both};

both!(what_an_account_could_buy);

async fn what_an_account_could_buy(world: &World) {
    let mut history = world.history();
    // one more account that never bought, and one of which nothing is known
    let prospect = Account {
        name: "accounts/01890000-0000-7000-8000-000000000000".into(),
        territory: "t9".into(),
        country: "DE".into(),
        industry: "retail".into(),
        ..history.accounts[0].clone()
    };
    let stranger = Account {
        name: "accounts/01900000-0000-7000-8000-000000000000".into(),
        territory: String::new(),
        country: String::new(),
        industry: String::new(),
        ..prospect.clone()
    };
    history.accounts.extend([prospect.clone(), stranger.clone()]);
    world.learn_of("acme", &history).await;
    world.run("acme").await;

    let of = world.potential("acme", &prospect.name).await.unwrap();
    let standing = of.standing.clone().unwrap();
    let (actual, potential) = (standing.actual.unwrap().minor_units, standing.potential.unwrap().minor_units);
    assert_eq!((of.peers(), of.amount_peers()), (Peers::IndustryAndCountry, Peers::IndustryAndCountry));
    assert_eq!((of.peer_accounts, of.buying_peers), (60, 60));
    assert_eq!((actual, standing.penetration), (0.0, Some(0.0)));
    // everybody like it buys: it could buy what three quarters of them stay below
    let mut spent: Vec<f64> = vec![];
    for account in
        history.accounts.iter().filter(|a| (a.industry.as_str(), a.country.as_str()) == ("retail", "DE"))
    {
        let own = history.orders.iter().filter(|order| order.account == account.name);
        spent.push(own.flat_map(|order| &order.lines).map(|line| line.amount_minor_units as f64).sum());
    }
    spent.retain(|&amount| amount > 0.0);
    assert!((potential - salient_learn::robust::quantile(&spent, 0.75).unwrap()).abs() < 1e-6);
    let unlike = world.potential("acme", &stranger.name).await.unwrap();
    assert_eq!((unlike.peers(), unlike.peer_accounts), (Peers::All, 241));

    let region = world.penetration("acme", "t9").await.unwrap();
    assert_eq!((region.accounts, region.standing.unwrap().penetration), (1, Some(0.0)));
    assert!(region.acquire > region.retain);
    let region = world.penetration("acme", "t1").await.unwrap();
    let (mut gaps, mut members) = (0.0, 0);
    for account in history.accounts.iter().filter(|account| account.territory == "t1") {
        let of = world.potential("acme", &account.name).await.unwrap();
        gaps += of.standing.unwrap().gap.unwrap().minor_units;
        members += 1;
    }
    let standing = region.standing.as_ref().unwrap();
    assert_eq!(region.accounts, members);
    assert!((standing.gap.as_ref().unwrap().minor_units - gaps).abs() < 1e-6);
    let wanted = 1.0 - gaps / standing.potential.as_ref().unwrap().minor_units;
    assert!((standing.penetration.unwrap() - wanted).abs() < 1e-9);
    let shares = region.acquire.unwrap() + region.grow.unwrap() + region.retain.unwrap();
    assert!((shares - 1.0).abs() < 1e-9);
}
