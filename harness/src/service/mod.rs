//! One client of IoT Hub's REST service API: twins, direct methods, queries, identities, automatic deployments.
//!
//! Requests are built and answers are read without I/O; one file sends. It serves Azure and a local hub alike: the host, with a
//! port where there is one, is what the connection string says. It must not know what the answers mean for a run.
//!
//! Source: "IoT Hub REST", Microsoft Learn, service API 2021-04-12.

pub mod access;
pub mod answer;
mod client;
pub mod connection_string;
pub mod error;
pub mod request;
mod retry;
mod sas;
mod skew;

pub use answer::{Answer, Configuration, MethodAnswer, Page, Twin};
pub use client::Service;
pub use connection_string::ConnectionString;
pub use error::ServiceError;
pub use request::{Match, Request, Who};
