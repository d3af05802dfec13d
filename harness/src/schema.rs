//! `edgeproof schema`: the JSON Schema of a file, generated from the types that read and write it.

use std::process::ExitCode;

use conformance::data::{CertifiedDevices, Tier1};
use conformance::dossier::Dossier;
use conformance::observation::ScanReport;
use conformance::offer::Offer;
use conformance::report::Report;

use crate::cli::{SchemaArgs, SchemaOf};
use crate::output;

/// Prints one schema.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    output::print(&schema(args.file))?;
    Ok(ExitCode::SUCCESS)
}

/// The schema as indented JSON.
#[must_use]
pub fn schema(file: SchemaOf) -> String {
    let schema = match file {
        SchemaOf::Offer => schemars::schema_for!(Offer),
        SchemaOf::Report => schemars::schema_for!(Report),
        SchemaOf::Dossier => schemars::schema_for!(Dossier),
        SchemaOf::Tier1 => schemars::schema_for!(Tier1),
        SchemaOf::CertifiedDevices => schemars::schema_for!(CertifiedDevices),
        SchemaOf::ScanReport => schemars::schema_for!(ScanReport),
    };
    serde_json::to_string_pretty(&schema).expect("a schema is a JSON value")
}
