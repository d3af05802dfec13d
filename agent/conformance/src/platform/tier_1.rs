//! The Tier 1 table of IoT Edge as dated rows: which operating systems on which platforms Microsoft tests and supports.

use super::Platform;

/// The table in force.
///
/// Its rows are the Linux systems for which the install instructions of version 1.5 have packages; the support page's own
/// table of that version was not at hand, so a row may be missing. Only the platforms are compared.
pub const TABLE: Table = Table {
    dated: "2026-11",
    source: "Microsoft Learn, \"Azure IoT Edge supported platforms\" and \"Create and provision an IoT Edge device on Linux\", version 1.5 LTS",
    rows: &[
        Row {
            system: "Debian 12",
            platforms: &["linux/arm/v7"],
        },
        Row {
            system: "Red Hat Enterprise Linux 9",
            platforms: &["linux/amd64"],
        },
        Row {
            system: "Ubuntu Server 22.04",
            platforms: &["linux/amd64", "linux/arm64"],
        },
        Row {
            system: "Ubuntu Server 24.04",
            platforms: &["linux/amd64", "linux/arm64"],
        },
    ],
};

/// A dated table. A newer one takes its place; stored reports say by which catalogue they were judged.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Year and month in which it was taken.
    pub dated: &'static str,
    /// The public document.
    pub source: &'static str,
    /// Its rows.
    pub rows: &'static [Row],
}

/// An operating system with the platforms on which it is in Tier 1.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Name and version.
    pub system: &'static str,
    /// `linux/amd64`, `linux/arm/v7`, …
    pub platforms: &'static [&'static str],
}

impl Table {
    /// Every platform in the table, once, in alphabetical order.
    #[must_use]
    pub fn platforms(&self) -> Vec<Platform> {
        let mut platforms: Vec<Platform> = self
            .rows
            .iter()
            .flat_map(|row| row.platforms)
            .filter_map(|text| text.parse().ok())
            .collect();
        platforms.sort();
        platforms.dedup();
        platforms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read_and_names_a_platform() {
        for row in TABLE.rows {
            assert!(!row.platforms.is_empty(), "{}", row.system);
            for text in row.platforms {
                assert_eq!(text.parse::<Platform>().unwrap().to_string(), *text);
            }
        }
    }

    #[test]
    fn the_table_has_three_platforms() {
        let platforms: Vec<String> = TABLE.platforms().iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm/v7", "linux/arm64"]);
    }
}
