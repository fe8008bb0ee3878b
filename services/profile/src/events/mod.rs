//! What the service tells the others, and what it hears of them.

pub mod consume;
pub mod membership;
pub mod publish;
