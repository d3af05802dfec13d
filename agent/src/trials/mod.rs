//! What is played with the candidate and with sacrificial containers, beside the plain cold starts.

pub mod envelope;
pub mod limits;
