//! The model company keeps its promises: the same for a seed, streamed, sorted, and true.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use salient_sim::react::{Offer, Persona, Reaction, Reason, Response, respond};
use salient_sim::{
    AccountHistory, Approach, Archetype, Company, Config, ConfigError, OpportunityState, Standing,
};

fn company(seed: u64, accounts: u64) -> Company {
    Company::try_new(Config { seed, accounts, ..Config::default() }).unwrap()
}

fn text(histories: impl Iterator<Item = AccountHistory>) -> Vec<String> {
    histories.map(|history| format!("{history:?}")).collect()
}

/// FNV-1a, so that a digest does not depend on the standard library's hasher.
fn digest(texts: &[String]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in texts.iter().flat_map(|text| text.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

#[test]
fn the_demo_company_never_changes() {
    // any platform, any run: a change here changes figures that were published
    let company = company(1, 600);
    assert_eq!(digest(&text(company.accounts().take(50))), DIGEST);
}
const DIGEST: u64 = 16_647_051_028_387_162_269;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn a_seed_gives_the_same_company_and_another_gives_another(seed in any::<u64>(), accounts in 1_u64..30) {
        let first = text(company(seed, accounts).accounts());
        prop_assert_eq!(&first, &text(company(seed, accounts).accounts()));
        prop_assert_ne!(&first, &text(company(seed ^ 1, accounts).accounts()));
        prop_assert_eq!(first.len() as u64, accounts);
    }

    #[test]
    fn an_account_is_the_same_however_it_is_reached(seed in any::<u64>(), from in 0_u64..40, len in 0_u64..20) {
        let all = text(company(seed, 60).accounts());
        let larger = company(seed, 80);
        let range = text(larger.accounts_in(from, from + len));
        prop_assert_eq!(&range[..], &all[from as usize..(from + len) as usize]);
        prop_assert_eq!(format!("{:?}", larger.account(from)), all[from as usize].clone());
        prop_assert_eq!(text(larger.accounts().skip(from as usize).take(1)), all[from as usize..=from as usize].to_vec());
    }

    #[test]
    fn records_are_sorted_dated_and_whole(seed in any::<u64>()) {
        let company = company(seed, 12);
        let (start, end) = (company.config().start.and_hms_opt(0, 0, 0).unwrap().and_utc(), company.config().end_time());
        for history in company.accounts() {
            let inside = |time: &DateTime<Utc>| *time >= start && *time < end;
            prop_assert!(!history.contacts.is_empty());
            prop_assert!(history.orders.is_sorted_by_key(|o| o.time) && history.orders.iter().all(|o| inside(&o.time)));
            prop_assert!(history.interactions.is_sorted_by_key(|i| i.time));
            prop_assert!(history.interactions.iter().all(|i| inside(&i.time) && i.quantity >= 0.0));
            prop_assert!(history.opportunities.is_sorted_by_key(|o| o.opened));
            for (number, order) in history.orders.iter().enumerate() {
                prop_assert_eq!(order.number as usize, number);
                prop_assert!(!order.lines.is_empty());
                prop_assert!(order.lines.iter().all(|l| l.pieces > 0 && l.amount_minor > 0));
                let products: HashSet<_> = order.lines.iter().map(|l| l.product).collect();
                prop_assert_eq!(products.len(), order.lines.len());
            }
            for opportunity in &history.opportunities {
                prop_assert_eq!(opportunity.closed.is_none(), opportunity.state == OpportunityState::Open);
                prop_assert!(opportunity.closed.is_none_or(|closed| closed > opportunity.opened));
            }
            let left = company.truth_of(history.account.index).churned_at();
            if let Some(left) = left {
                prop_assert!(history.orders.iter().filter(|o| !o.is_return).all(|o| o.time < left));
            }
        }
    }

    #[test]
    fn a_longer_history_begins_like_a_shorter_one(seed in any::<u64>(), account in 0_u64..1_000) {
        // everybody is there from the start here: who joins later depends on the length
        let short = company(seed, 1_000);
        let longer = Config { end: short.config().end + Duration::days(90), ..short.config().clone() };
        let longer = Company::try_new(longer).unwrap();
        let (a, b) = (short.account(account), longer.account(account));
        prop_assume!(a.account.joined == short.config().start && b.account.joined == a.account.joined);
        let end = short.config().end_time();
        prop_assert_eq!(&a.orders[..], &b.orders[..a.orders.len()]);
        prop_assert!(b.orders[a.orders.len()..].iter().all(|o| o.time >= end));
        prop_assert_eq!(&a.interactions[..], &b.interactions[..a.interactions.len()]);
        let at = end - Duration::days(40);
        for product in short.truth_of(account).repertoire() {
            prop_assert_eq!(short.truth(account, product, at, 30), longer.truth(account, product, at, 30));
        }
    }
}

#[test]
fn a_bad_configuration_says_what_is_wrong() {
    let refused = |config: Config| Company::try_new(config).unwrap_err();
    let base = Config::default();
    assert_eq!(refused(Config { sellers: 0, ..base.clone() }), ConfigError::Sellers { found: 0 });
    assert_eq!(refused(Config { products: 3, ..base.clone() }), ConfigError::Products { found: 3 });
    assert!(refused(Config { end: base.start, ..base.clone() }).to_string().contains("0 days apart"));
    assert!(refused(Config { accounts: u64::MAX, ..base }).to_string().contains("accounts"));
}

/// What was promised and what happened. An account's products, and its days, stand or fall
/// together, so the standard error is taken over accounts.
#[derive(Default)]
struct Promise {
    promised: f64,
    kept: f64,
    variance: f64,
    gaps: HashMap<u64, f64>,
}

impl Promise {
    fn pair(&mut self, account: u64, promised: f64, happened: bool) {
        let kept = f64::from(u8::from(happened));
        self.promised += promised;
        self.kept += kept;
        self.variance += promised * (1.0 - promised);
        *self.gaps.entry(account).or_default() += kept - promised;
    }

    fn z(&self) -> f64 {
        let between = self.gaps.values().map(|gap| gap * gap).sum::<f64>();
        (self.kept - self.promised) / between.max(self.variance).sqrt().max(1.0)
    }
}

#[test]
fn what_happens_agrees_with_the_truth() {
    let company = company(11, 2_500);
    let mut promises: HashMap<String, Promise> = HashMap::new();
    for (days_before, horizon) in [(300, 30), (200, 7), (181, 180), (30, 30)] {
        let at = company.config().end_time() - Duration::days(days_before);
        let until = at + Duration::days(i64::from(horizon));
        for history in company.accounts() {
            let account = history.account.index;
            let truth = company.truth_of(account);
            let mut bought = HashSet::new();
            for order in history.orders.iter().filter(|o| !o.is_return && o.time >= at && o.time < until) {
                bought.extend(order.lines.iter().map(|line| line.product));
            }
            if history.account.joined > at.date_naive() {
                assert!(truth.orders(at, horizon) == 0.0, "nothing is known of who comes later");
                continue;
            }
            let mut note = |group: String, promised, happened| {
                promises.entry(group).or_default().pair(account, promised, happened);
            };
            for product in truth.repertoire() {
                let (promised, happened) = (truth.buys(product, at, horizon), bought.contains(&product));
                let standing = truth.standing(product, at);
                note(format!("{standing:?}, {horizon} days"), promised, happened);
                note(format!("about {promised:.1}, {horizon} days"), promised, happened);
                note(format!("{:?}", truth.archetype()), promised, happened);
            }
            note(format!("any order, {horizon} days"), truth.orders(at, horizon), !bought.is_empty());
            // nobody buys what they have no use for
            assert!(bought.iter().all(|product| truth.repertoire().contains(product)));
        }
    }
    let mut names: Vec<_> = promises.keys().filter(|name| promises[*name].promised > 20.0).collect();
    names.sort_unstable();
    assert!(names.len() > 25);
    for name in &names {
        let (promise, z) = (&promises[*name], promises[*name].z());
        println!(
            "{name}: {} accounts, promised {:.1}, kept {}, z {z:.2}",
            promise.gaps.len(),
            promise.promised,
            promise.kept
        );
    }
    assert!(names.iter().all(|name| promises[*name].z().abs() < 4.0));
}

#[test]
fn accounts_leave_at_the_rate_they_should() {
    let company = company(3, 4_000);
    let mut left: HashMap<Archetype, (u32, u32)> = HashMap::new();
    for index in 0..4_000 {
        let truth = company.truth_of(index);
        let count = left.entry(truth.archetype()).or_default();
        count.0 += u32::from(truth.churned_at().is_some());
        count.1 += 1;
    }
    let share = |archetype| f64::from(left[&archetype].0) / f64::from(left[&archetype].1);
    assert!(left.len() == 6 && left.values().all(|(gone, of)| *gone > 0 && gone < of));
    assert!(share(Archetype::PriceHunter) > 2.0 * share(Archetype::SteadyStocker));
}

#[test]
fn customers_respond_as_often_as_the_truth_says() {
    let (mut promised, mut kept, mut alone) = (0.0, 0.0, 0.0);
    let mut variance = 0.0;
    for seed in 0..6 {
        let company = company(seed, 150);
        let at = company.config().end_time() - Duration::days(60);
        for index in 0..150 {
            let truth = company.truth_of(index);
            for product in truth.repertoire() {
                let p = truth.buys_after(product, at, 30, Approach::Conversation);
                alone += truth.buys(product, at, 30);
                promised += p;
                variance += p * (1.0 - p);
                let response = respond(&company, index, product, at, 30, Approach::Conversation);
                if let Response::Orders { at: when, pieces } = response {
                    assert!(when >= at && when < at + Duration::days(30) && pieces > 0);
                    kept += 1.0;
                }
                assert_eq!(response, respond(&company, index, product, at, 30, Approach::Conversation));
            }
        }
    }
    let z = (kept - promised) / f64::sqrt(variance);
    assert!(z.abs() < 4.0, "promised {promised:.1}, kept {kept}, z {z:.2}");
    assert!(promised > 1.15 * alone, "contacts matter: {promised:.1} with, {alone:.1} without");
}

#[test]
fn the_hour_of_a_call_matters() {
    let company = company(5, 200);
    let at = company.config().end_time() - Duration::days(60);
    let mut gains = Vec::new();
    for index in 0..200 {
        let truth = company.truth_of(index);
        let stocked = |product: &u32| truth.standing(*product, at) == Standing::Stocked;
        let Some(product) = truth.repertoire().into_iter().find(stocked) else { continue };
        let alone = truth.buys(product, at, 30);
        assert_eq!(truth.buys_after(product, at, 30, Approach::CallAt(3)), alone, "nobody answers at night");
        let gain = |hour| truth.buys_after(product, at, 30, Approach::CallAt(hour)) - alone;
        let hours: Vec<f64> = (8..18).map(gain).filter(|gain| *gain > 1e-6).collect();
        if hours.len() == 10 {
            let most = hours.iter().copied().fold(0.0, f64::max);
            gains.push(most / hours.iter().copied().fold(1.0, f64::min));
        }
    }
    // the best hour triples the effect of the worst
    assert!(gains.len() > 50 && gains.iter().sum::<f64>() / gains.len() as f64 > 3.0, "{gains:?}");
}

#[test]
fn sellers_accept_what_is_likely_and_say_why_they_do_not() {
    let company = company(7, 300);
    let at = company.config().end_time() - Duration::days(50);
    let (mut likely, mut unlikely) = ((0, 0), (0, 0));
    let mut reasons = HashSet::new();
    for index in 0..300 {
        let truth = company.truth_of(index);
        let persona = Persona::new(&company, (index % 12) as u32);
        for product in 0..160 {
            let offer = Offer { account: index, product, at, rank: 1 };
            let odds = persona.odds(&truth, &offer);
            let sum =
                odds.accept + odds.snooze + odds.ignore + odds.dismiss.iter().map(|(_, p)| p).sum::<f64>();
            assert!((sum - 1.0).abs() < 1e-9);
            let reaction = persona.react(&truth, &offer);
            assert_eq!(reaction, persona.react(&truth, &offer));
            let group = if truth.buys(product, at, 30) > 0.3 { &mut likely } else { &mut unlikely };
            group.0 += u32::from(reaction == Reaction::Accept);
            group.1 += 1;
            if let Reaction::Dismiss(reason) = reaction {
                reasons.insert(reason);
            }
        }
    }
    let share = |(accepted, of): (u32, u32)| f64::from(accepted) / f64::from(of);
    assert!(share(likely) > 2.0 * share(unlikely), "{likely:?} {unlikely:?}");
    assert!(
        [Reason::BadTiming, Reason::AlreadyDone, Reason::NotRelevant].iter().all(|r| reasons.contains(r))
    );
}

#[test]
fn a_hundred_thousand_accounts_stream() {
    // one account at a time, so memory is that of one account; the first thousand and a far one
    // are enough to see that nothing depends on what came before
    let company = Company::try_new(Config::sized(100_000)).unwrap();
    assert_eq!(company.sellers().len(), 2_000);
    let accounts = company.accounts();
    assert_eq!(accounts.len(), 100_000);
    let far = company.accounts().nth(99_999).unwrap();
    assert_eq!(far, company.account(99_999));
    assert!(company.accounts().nth(100_000).is_none());
    let ids: HashSet<String> = accounts.take(1_000).map(|history| history.account.id).collect();
    assert_eq!(ids.len(), 1_000);
}
