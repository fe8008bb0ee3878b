//! What the service tells the others. It listens to nobody.

pub mod publish;
