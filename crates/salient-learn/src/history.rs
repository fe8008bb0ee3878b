//! Orders as columns, and the view that cannot look ahead.
//!
//! Accounts and products are dense ids `0..accounts`, `0..products`, handed out by the caller;
//! ids whose first order lies after a cutoff simply have no orders in that view. Times are
//! microseconds UTC, amounts are minor units of one currency.

use crate::Error;

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

/// One line of an order, as handed in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Dense product id.
    pub product: u32,
    /// Quantity in sales units; positive.
    pub quantity: f64,
    /// Line amount in minor units.
    pub amount: i64,
}

/// One order, as handed in. A return is an order of its own, in a list of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRow {
    /// When it was placed, microseconds UTC.
    pub time: i64,
    /// Dense account id.
    pub account: u32,
    /// Lines; several lines of one product are merged.
    pub lines: Vec<Line>,
}

/// A view of one order.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// When it was placed, microseconds UTC.
    pub time: i64,
    /// Dense account id.
    pub account: u32,
    /// Distinct products, ascending.
    pub products: &'a [u32],
    /// Quantity of each product, same length.
    pub quantities: &'a [f64],
    /// Amount of each product in minor units, same length.
    pub amounts: &'a [i64],
}

impl Order<'_> {
    /// Sum of the line amounts, minor units.
    #[must_use]
    pub fn amount(&self) -> i64 {
        self.amounts.iter().sum()
    }
}

/// Orders sorted by (time, key), column by column.
#[derive(Debug, Clone, Default, PartialEq)]
struct Orders {
    time: Vec<i64>,
    account: Vec<u32>,
    start: Vec<usize>,
    product: Vec<u32>,
    quantity: Vec<f64>,
    amount: Vec<i64>,
    // Orders of each account in time order: order indices between two offsets.
    by_account: Vec<u32>,
    account_start: Vec<usize>,
}

impl Orders {
    fn build(accounts: u32, products: u32, mut rows: Vec<(u64, OrderRow)>) -> Result<Self, Error> {
        rows.sort_by_key(|(key, row)| (row.time, *key));
        let mut out = Self { start: vec![0], ..Self::default() };
        for (_, mut row) in rows {
            if row.account >= accounts {
                return Err(Error::invalid("account", format!("{} is not below {accounts}", row.account)));
            }
            row.lines.sort_by_key(|l| l.product);
            let first = out.product.len();
            for line in row.lines {
                if line.product >= products {
                    return Err(Error::invalid(
                        "product",
                        format!("{} is not below {products}", line.product),
                    ));
                }
                if !line.quantity.is_finite() {
                    return Err(Error::invalid("quantity", "must be a finite number"));
                }
                if out.product.len() > first && out.product.last() == Some(&line.product) {
                    let at = out.product.len() - 1;
                    out.quantity[at] += line.quantity;
                    out.amount[at] = out.amount[at].saturating_add(line.amount);
                } else {
                    out.product.push(line.product);
                    out.quantity.push(line.quantity);
                    out.amount.push(line.amount);
                }
            }
            out.time.push(row.time);
            out.account.push(row.account);
            out.start.push(out.product.len());
        }
        out.account_start = vec![0; accounts as usize + 1];
        for &a in &out.account {
            out.account_start[a as usize + 1] += 1;
        }
        for a in 0..accounts as usize {
            out.account_start[a + 1] += out.account_start[a];
        }
        let mut next = out.account_start.clone();
        out.by_account = vec![0; out.account.len()];
        for (o, &a) in out.account.iter().enumerate() {
            out.by_account[next[a as usize]] = o as u32;
            next[a as usize] += 1;
        }
        Ok(out)
    }

    fn order(&self, o: usize) -> Order<'_> {
        let r = self.start[o]..self.start[o + 1];
        Order {
            time: self.time[o],
            account: self.account[o],
            products: &self.product[r.clone()],
            quantities: &self.quantity[r.clone()],
            amounts: &self.amount[r],
        }
    }

    fn before(&self, time: i64) -> usize {
        self.time.partition_point(|&t| t < time)
    }
}

/// The whole order history of a tenant. Nothing is read from it but through [`History::as_of`]
/// and, for judging what was recommended, [`History::window`].
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    accounts: u32,
    products: u32,
    orders: Orders,
    returns: Orders,
}

impl History {
    /// Builds the columns from `(external key, order)` rows in any order; the key breaks ties of
    /// time, so that the result does not depend on the order of arrival. `returns` may be empty;
    /// its quantities and amounts are taken as given.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an id out of range or a quantity that is not finite.
    pub fn try_new(
        accounts: u32,
        products: u32,
        orders: Vec<(u64, OrderRow)>,
        returns: Vec<(u64, OrderRow)>,
    ) -> Result<Self, Error> {
        Ok(Self {
            accounts,
            products,
            orders: Orders::build(accounts, products, orders)?,
            returns: Orders::build(accounts, products, returns)?,
        })
    }

    /// Number of account ids.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts as usize
    }

    /// Number of product ids.
    #[must_use]
    pub fn products(&self) -> usize {
        self.products as usize
    }

    /// Number of orders.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.time.len()
    }

    /// Whether there is no order at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Time of the last order, microseconds UTC.
    #[must_use]
    pub fn last_time(&self) -> Option<i64> {
        self.orders.time.last().copied()
    }

    /// What was known at `cutoff` (microseconds UTC): orders with `time < cutoff`.
    #[must_use]
    pub fn as_of(&self, cutoff: i64) -> AsOf<'_> {
        AsOf {
            history: self,
            cutoff,
            orders: self.orders.before(cutoff),
            returns: self.returns.before(cutoff),
        }
    }

    /// Orders with `from <= time < until`. For judging; models reach outcomes by
    /// [`AsOf::outcome`].
    #[must_use]
    pub fn window(&self, from: i64, until: i64) -> Window<'_> {
        let a = self.orders.before(from);
        Window { history: self, from: a, until: self.orders.before(until).max(a) }
    }
}

/// What was known at a cutoff. The only thing features and training may read.
#[derive(Debug, Clone, Copy)]
pub struct AsOf<'a> {
    history: &'a History,
    cutoff: i64,
    orders: usize,
    returns: usize,
}

impl<'a> AsOf<'a> {
    /// The cutoff, microseconds UTC.
    #[must_use]
    pub fn cutoff(&self) -> i64 {
        self.cutoff
    }

    /// Size of the account id space (also ids without orders here).
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.history.accounts()
    }

    /// Size of the product id space.
    #[must_use]
    pub fn products(&self) -> usize {
        self.history.products()
    }

    /// Number of visible orders.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders
    }

    /// Whether no order is visible.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders == 0
    }

    /// Time of the first order, microseconds UTC.
    #[must_use]
    pub fn first_time(&self) -> Option<i64> {
        if self.orders == 0 { None } else { self.history.orders.time.first().copied() }
    }

    /// Visible orders in (time, key) order.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = Order<'a>> + use<'a> {
        let h = self.history;
        (0..self.orders).map(move |o| h.orders.order(o))
    }

    /// Visible returns in (time, key) order.
    pub fn returns(&self) -> impl DoubleEndedIterator<Item = Order<'a>> + use<'a> {
        let h = self.history;
        (0..self.returns).map(move |o| h.returns.order(o))
    }

    /// Visible orders of an account in (time, key) order.
    pub fn account_orders(
        &self,
        account: u32,
    ) -> impl DoubleEndedIterator<Item = Order<'a>> + ExactSizeIterator + use<'a> {
        let h = self.history;
        let a = account as usize;
        let all = &h.orders.by_account[h.orders.account_start[a]..h.orders.account_start[a + 1]];
        let n = all.partition_point(|&o| (o as usize) < self.orders);
        all[..n].iter().map(move |&o| h.orders.order(o as usize))
    }

    /// Visible returns of an account in (time, key) order.
    pub fn account_returns(&self, account: u32) -> impl DoubleEndedIterator<Item = Order<'a>> + use<'a> {
        let h = self.history;
        let a = account as usize;
        let all = &h.returns.by_account[h.returns.account_start[a]..h.returns.account_start[a + 1]];
        let n = all.partition_point(|&o| (o as usize) < self.returns);
        all[..n].iter().map(move |&o| h.returns.order(o as usize))
    }

    /// Accounts with at least one visible order, ascending.
    #[must_use]
    pub fn known_accounts(&self) -> Vec<u32> {
        (0..self.history.accounts).filter(|&a| self.account_orders(a).len() > 0).collect()
    }

    /// Days from `time` to the cutoff.
    #[must_use]
    pub fn age_days(&self, time: i64) -> f64 {
        (self.cutoff - time) as f64 / DAY_US as f64
    }

    /// The view at an earlier cutoff.
    ///
    /// # Errors
    /// [`Error::BeyondCutoff`] if `cutoff` is later than this view's.
    pub fn earlier(&self, cutoff: i64) -> Result<AsOf<'a>, Error> {
        if cutoff > self.cutoff {
            return Err(Error::BeyondCutoff { until: cutoff, cutoff: self.cutoff });
        }
        Ok(self.history.as_of(cutoff))
    }

    /// What happened in `[from, from + horizon_days)`, as a label for training.
    ///
    /// # Errors
    /// [`Error::BeyondCutoff`] if the window is not over at this view's cutoff.
    pub fn outcome(&self, from: i64, horizon_days: f64) -> Result<Window<'a>, Error> {
        let until = from + (horizon_days * DAY_US as f64) as i64;
        if until > self.cutoff {
            return Err(Error::BeyondCutoff { until, cutoff: self.cutoff });
        }
        Ok(self.history.window(from, until))
    }
}

/// The orders of a stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    history: &'a History,
    from: usize,
    until: usize,
}

impl<'a> Window<'a> {
    /// Orders of the window in (time, key) order.
    pub fn orders(&self) -> impl Iterator<Item = Order<'a>> + use<'a> {
        let h = self.history;
        (self.from..self.until).map(move |o| h.orders.order(o))
    }

    /// Sorted distinct `(account, product)` bought in the window.
    #[must_use]
    pub fn bought(&self) -> Bought {
        let mut pairs: Vec<(u32, u32)> =
            self.orders().flat_map(|o| o.products.iter().map(move |&p| (o.account, p))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut accounts = vec![false; self.history.accounts()];
        self.orders().for_each(|o| accounts[o.account as usize] = true);
        Bought { pairs, accounts }
    }
}

/// Who bought what in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bought {
    pairs: Vec<(u32, u32)>,
    accounts: Vec<bool>,
}

impl Bought {
    /// Whether the account bought the product.
    #[must_use]
    pub fn pair(&self, account: u32, product: u32) -> bool {
        self.pairs.binary_search(&(account, product)).is_ok()
    }

    /// Whether the account ordered anything.
    #[must_use]
    pub fn any(&self, account: u32) -> bool {
        self.accounts.get(account as usize).copied().unwrap_or(false)
    }

    /// Number of distinct pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether nobody bought anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}
