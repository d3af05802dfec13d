//! How the harness comes by a hub's service API: a connection string from a file or the environment, never from the command line.

use std::env;

use crate::cli::ServiceArgs;
use crate::exit::Refused;
use crate::input;

use super::{Service, connection_string};

/// Environment variable that may hold the connection string itself.
pub const VARIABLE: &str = "EDGEPROOF_HUB_CONNECTION_STRING";

/// The hub that was named.
///
/// # Errors
/// [`Refused::Usage`] where none was, [`Refused::BadInput`] with every mistake of the string or for a file that cannot be read.
pub fn open(args: &ServiceArgs) -> anyhow::Result<Service> {
    let (source, text) = match &args.connection_string_file {
        Some(path) => (path.display().to_string(), input::text(path)?),
        None => match env::var(VARIABLE) {
            Ok(text) if !text.trim().is_empty() => (VARIABLE.to_owned(), text),
            Ok(_) | Err(_) => {
                return Err(Refused::Usage(format!(
                    "which hub? Give --connection-string-file FILE or set {VARIABLE}; a key does not belong on a command line"
                ))
                .into());
            }
        },
    };
    let connection = connection_string::read(&text).map_err(|mistakes| {
        Refused::BadInput(format!(
            "{source}: no service connection string\n  {}",
            mistakes.join("\n  ")
        ))
    })?;
    let authority = args.hub_ca.as_ref().map(|path| input::text(path));
    let authority = authority.transpose()?;
    Ok(Service::new(
        connection,
        authority.as_deref().map(str::as_bytes),
    )?)
}
