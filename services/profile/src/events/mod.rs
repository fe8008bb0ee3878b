//! What the service tells the others. It listens to nobody.

pub mod membership;
pub mod publish;
