//! From the hidden ledger to the records that can be seen.

use crate::catalogue::ProductIndex;
use crate::company::Company;
use crate::days::{Day, moment};
use crate::history::{
    Account, AccountHistory, Contact, Interaction, InteractionKind, Opportunity, OpportunityState, Order,
    OrderLine, OrderOrigin,
};
use crate::life::Purchase;
use crate::random::{Domain, Stream};
use crate::truth::Truth;

pub(crate) fn history(
    company: &Company,
    truth: &Truth<'_>,
    account: Account,
    contacts: Vec<Contact>,
) -> AccountHistory {
    let orders = orders(company, truth);
    let opportunities = opportunities(company, truth);
    let interactions = interactions(company, truth, account.index);
    AccountHistory { account, contacts, orders, interactions, opportunities }
}

fn line(company: &Company, truth: &Truth<'_>, product: ProductIndex, pieces: i64) -> OrderLine {
    let list_price = company.catalogue()[product as usize].price_minor;
    let price = (list_price * (100 - truth.latent.discount_percent) / 100).max(1);
    OrderLine { product, pieces, amount_minor: price * pieces }
}

/// Purchases of a day are one order; each return is an order of its own.
fn orders(company: &Company, truth: &Truth<'_>) -> Vec<Order> {
    let last = company.last_day();
    let mut bought: Vec<(Day, ProductIndex, &Purchase)> = Vec::new();
    for (need, track) in truth.latent.needs.iter().zip(&truth.life.tracks) {
        bought.extend(track.purchases.iter().map(|purchase| (purchase.day, need.product, purchase)));
    }
    bought.sort_unstable_by_key(|(day, product, _)| (*day, *product));
    let mut orders: Vec<Order> = Vec::with_capacity(bought.len() / 2 + 1);
    for same_day in bought.chunk_by(|a, b| a.0 == b.0) {
        let (day, _, first) = same_day[0];
        let assisted = same_day.iter().any(|(_, _, purchase)| purchase.assisted);
        orders.push(Order {
            number: 0,
            time: moment(day, first.seconds),
            is_return: false,
            origin: if assisted { OrderOrigin::SellerAssisted } else { OrderOrigin::SelfService },
            lines: same_day
                .iter()
                .map(|(_, product, purchase)| line(company, truth, *product, purchase.pieces))
                .collect(),
        });
    }
    for (_, product, purchase) in &bought {
        let Some((day, pieces)) = purchase.returned.filter(|(day, _)| *day <= last) else {
            continue;
        };
        orders.push(Order {
            number: 0,
            time: moment(day, purchase.seconds),
            is_return: true,
            origin: OrderOrigin::SelfService,
            lines: vec![line(company, truth, *product, pieces)],
        });
    }
    orders.sort_by_key(|order| order.time);
    for (number, order) in orders.iter_mut().enumerate() {
        order.number = number as u32;
    }
    orders
}

fn opportunities(company: &Company, truth: &Truth<'_>) -> Vec<Opportunity> {
    let last = company.last_day();
    let mut list = Vec::new();
    for (need, track) in truth.latent.needs.iter().zip(&truth.life.tracks) {
        for consideration in &track.considerations {
            // who has left does not decide any more; it takes the seller some days to see it
            let given_up =
                truth.life.left.filter(|left| *left <= consideration.decision).map(|left| left + 10);
            let (closes, state, stage) = match given_up {
                Some(day) => (day, OpportunityState::Lost, "Lost: customer left"),
                None if consideration.won => (consideration.decision, OpportunityState::Won, "Won"),
                None => (consideration.decision, OpportunityState::Lost, "Lost: decided against"),
            };
            let known = closes <= last;
            let age = last - consideration.start;
            list.push(Opportunity {
                number: 0,
                product: need.product,
                state: if known { state } else { OpportunityState::Open },
                stage: match known {
                    true => stage,
                    false if age > 7 => "Offer made",
                    false => "Interest",
                },
                amount_minor: line(company, truth, need.product, consideration.pieces).amount_minor,
                opened: moment(consideration.start, 32_400),
                closed: known.then(|| moment(closes, 61_200)),
            });
        }
    }
    list.sort_by_key(|opportunity| (opportunity.opened, opportunity.product));
    for (number, opportunity) in list.iter_mut().enumerate() {
        opportunity.number = number as u32;
    }
    list
}

/// What is noted of a call that nobody took.
const NO_ANSWER: &str = "no answer";

fn interactions(company: &Company, truth: &Truth<'_>, index: u64) -> Vec<Interaction> {
    let last = company.last_day();
    let mut list: Vec<Interaction> = Vec::with_capacity(64);
    let mut push = |day: Day, seconds: u32, kind, contact, product, summary| {
        if day <= last {
            let time = moment(day, seconds);
            let reached = (kind == InteractionKind::Call).then_some(summary != NO_ANSWER);
            list.push(Interaction {
                number: 0,
                time,
                kind,
                contact,
                product,
                quantity: 1.0,
                reached,
                summary,
            });
        }
    };
    for (need, track) in truth.latent.needs.iter().zip(&truth.life.tracks) {
        let product = Some(need.product);
        for call in &track.calls {
            let summary = match (call.answered, call.woke) {
                (true, true) => "spoke, interested",
                (true, false) => "spoke, no need now",
                (false, _) => NO_ANSWER,
            };
            push(call.day, call.seconds, InteractionKind::Call, Some(call.contact), product, summary);
        }
        for sign in &track.signs {
            let (kind, summary) = match sign.web {
                true => (InteractionKind::Web, "looked at the product"),
                false => (InteractionKind::Marketing, "opened product mail"),
            };
            push(sign.day, sign.seconds, kind, Some(sign.contact), product, summary);
        }
    }
    for issue in &truth.life.issues {
        push(issue.day, 36_000, InteractionKind::Support, Some(0), None, "complaint");
    }
    for signal in &truth.life.signals {
        let summary = "competitor at the account";
        push(signal.day, 43_200, InteractionKind::CompetitorSignal, None, None, summary);
    }
    touches(company, truth, index, &mut push);
    usage(company, truth, index, &mut list);
    list.sort_by_key(|interaction| (interaction.time, interaction.kind, interaction.product));
    for (number, interaction) in list.iter_mut().enumerate() {
        interaction.number = number as u32;
    }
    list
}

/// What goes on without a product: newsletters, mails, visits of the shop, meetings.
fn touches(
    company: &Company,
    truth: &Truth<'_>,
    index: u64,
    push: &mut impl FnMut(Day, u32, InteractionKind, Option<u32>, Option<ProductIndex>, &'static str),
) {
    const KINDS: [(InteractionKind, f64, &str); 4] = [
        (InteractionKind::Marketing, 7.0, "opened newsletter"),
        (InteractionKind::Email, 5.0, "mail about an order"),
        (InteractionKind::Web, 5.0, "browsed the shop"),
        (InteractionKind::Meeting, 1.0, "review meeting"),
    ];
    let mut stream = Stream::new(company.config().seed, Domain::Touches, index, 0);
    let until = truth.life.left.map_or(company.last_day(), |left| left - 1);
    let weights = KINDS.map(|(_, weight, _)| weight);
    let mut day = truth.latent.joined;
    loop {
        day = day.saturating_add(1).saturating_add(stream.failures(18.0 / 365.0));
        if day > until {
            return;
        }
        let (kind, _, summary) = KINDS[stream.weighted(&weights)];
        let local = 28_800 + stream.below(9 * 3_600) as i32;
        let seconds = (local - truth.latent.offset()).rem_euclid(86_400) as u32;
        push(day, seconds, kind, Some(stream.below(truth.latent.people)), None, summary);
    }
}

/// Hours that a connected tool ran, once a month, for accounts that have one.
fn usage(company: &Company, truth: &Truth<'_>, index: u64, list: &mut Vec<Interaction>) {
    let mut stream = Stream::new(company.config().seed, Domain::Touches, index, 1);
    let connected = |product: ProductIndex| company.catalogue()[product as usize].category == "Measuring";
    let Some(need) = truth.latent.needs.iter().find(|need| need.owned && connected(need.product)) else {
        return;
    };
    let category = company.catalogue()[need.product as usize].category_index;
    let hours = stream.lognormal(25.0, 0.5);
    let until = truth.life.left.map_or(company.last_day(), |left| left - 1);
    let mut day = truth.latent.joined.max(company.first_day()) + 30;
    while day <= until {
        let demand = truth.market.demand_between(category, day - 30, day) / 30.0;
        let quantity = hours * demand * stream.lognormal(1.0, 0.15);
        list.push(Interaction {
            number: 0,
            time: moment(day, 3_600),
            kind: InteractionKind::Usage,
            contact: None,
            product: Some(need.product),
            quantity: libm::round(quantity * 10.0) / 10.0,
            reached: None,
            summary: "hours used in 30 days",
        });
        day += 30;
    }
}
