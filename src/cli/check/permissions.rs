//! Granted permissions against those needed. Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::report::{Level, Line};
use crate::config::Preset;

const TABLE: &str = include_str!("permissions.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    feature: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feature {
    name: String,
    presets: Vec<String>,
    #[serde(default)]
    essential: bool,
    any: Vec<String>,
}

impl Feature {
    fn is_met(&self, granted: &BTreeSet<&str>) -> bool {
        self.any
            .iter()
            .any(|together| together.split(" + ").all(|one| granted.contains(one)))
    }

    fn permissions(&self) -> impl Iterator<Item = &str> {
        self.any.iter().flat_map(|together| together.split(" + "))
    }
}

/// The directory roles that let an application set passwords and other sensitive properties:
/// template id, name, and whether that reaches administrators. The weakest first.
///
/// Source: <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
const PASSWORD_ROLES: [(&str, &str, bool); 3] = [
    (
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "User Administrator",
        false,
    ),
    (
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        "Privileged Authentication Administrator",
        true,
    ),
    (
        "62e90394-69f5-4237-9190-012177145e10",
        "Global Administrator",
        true,
    ),
];

/// The preset's name, as configured.
pub(super) fn preset_name(preset: Preset) -> &'static str {
    match preset {
        Preset::ReadOnly => "read-only",
        Preset::MembershipOnly => "membership-only",
        Preset::Full => "full",
    }
}

/// One line per feature of the preset, and one for what was granted beyond it.
///
/// # Errors
/// When the compiled-in table cannot be read.
pub(super) fn compare(granted: &[String], preset: Preset) -> Result<Vec<Line>, toml::de::Error> {
    let table: Table = toml::from_str(TABLE)?;
    let granted: BTreeSet<&str> = granted.iter().map(String::as_str).collect();
    let preset = preset_name(preset);
    let needed: Vec<&Feature> = table
        .feature
        .iter()
        .filter(|feature| feature.presets.iter().any(|p| p == preset))
        .collect();
    let mut lines: Vec<Line> = needed.iter().map(|f| judge(f, &granted)).collect();
    let useful: BTreeSet<&str> = needed.iter().flat_map(|f| f.permissions()).collect();
    let known: BTreeSet<&str> = table
        .feature
        .iter()
        .flat_map(Feature::permissions)
        .collect();
    let beyond: Vec<&str> = granted
        .iter()
        .copied()
        .filter(|p| known.contains(p) && !useful.contains(p))
        .collect();
    if !beyond.is_empty() {
        lines.push(
            Line::new(
                Level::Warn,
                "permission",
                format!("granted but not needed for {preset}: {}", beyond.join(", ")),
            )
            .remedy("remove what is not needed, or choose a wider preset"),
        );
    }
    Ok(lines)
}

fn judge(feature: &Feature, granted: &BTreeSet<&str>) -> Line {
    if feature.is_met(granted) {
        return Line::new(Level::Ok, "permission", feature.name.clone());
    }
    let level = if feature.essential {
        Level::Fail
    } else {
        Level::Warn
    };
    let least = feature.any.first().map_or("", String::as_str);
    Line::new(level, "permission", format!("cannot {}", feature.name)).remedy(format!(
        "grant the application permission {least} with admin consent; tokens issued before keep \
         what they had for up to an hour, a managed identity's for up to a day"
    ))
}

/// What directory roles add: `held` are the template ids of the application's own roles.
pub(super) fn password_reset(held: &[String]) -> Line {
    let best = PASSWORD_ROLES
        .iter()
        .rev()
        .find(|(id, ..)| held.iter().any(|h| h.eq_ignore_ascii_case(id)));
    match best {
        Some((_, name, true)) => Line::new(
            Level::Ok,
            "directory role",
            format!("{name}: may set passwords, of administrators too"),
        ),
        Some((_, name, false)) => Line::new(
            Level::Ok,
            "directory role",
            format!("{name}: may set passwords, except of administrators"),
        )
        .remedy(
            "for administrators' passwords and sensitive properties: assign the application the \
             directory role Privileged Authentication Administrator",
        ),
        None => Line::new(
            Level::Warn,
            "directory role",
            "cannot set passwords of existing users: permissions alone do not give that",
        )
        .remedy(
            "assign the directory role User Administrator to the application's service principal \
             (for administrators: Privileged Authentication Administrator)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    fn levels(granted: &[&str], preset: Preset) -> (usize, usize) {
        let lines = compare(&strings(granted), preset).unwrap();
        let count = |level| lines.iter().filter(|line| line.level == level).count();
        (count(Level::Fail), count(Level::Warn))
    }

    #[test]
    fn presets_need_what_they_need() {
        use Preset::{Full, MembershipOnly, ReadOnly};
        for (granted, preset, expected) in [
            (&[][..], ReadOnly, (3, 4)),
            (&[], MembershipOnly, (4, 9)),
            (&[], Full, (6, 14)),
            (&["Directory.Read.All"], ReadOnly, (0, 1)),
            (
                &["Directory.Read.All", "RoleManagement.Read.Directory"],
                ReadOnly,
                (0, 0),
            ),
            (
                &[
                    "User.Read.All",
                    "GroupMember.Read.All",
                    "User-PasswordProfile.ReadWrite.All",
                ],
                ReadOnly,
                // Roles, PIM, licences, units are missing; passwords are too much.
                (0, 5),
            ),
            (
                &[
                    "User.ReadWrite.All",
                    "Group.ReadWrite.All",
                    "Directory.Read.All",
                    "RoleManagement.ReadWrite.Directory",
                ],
                Full,
                // PIM, both ways, and units are missing.
                (0, 3),
            ),
            (&["user.read.all"], ReadOnly, (3, 4)),
        ] {
            assert_eq!(levels(granted, preset), expected, "{granted:?} {preset:?}");
        }
    }

    #[test]
    fn two_permissions_that_go_together_count_together() {
        let enable = |granted: &[&str]| {
            let lines = compare(&strings(granted), Preset::Full).unwrap();
            lines
                .into_iter()
                .find(|line| line.found.contains("enable and disable"))
                .unwrap()
                .level
        };
        assert_eq!(enable(&["User.EnableDisableAccount.All"]), Level::Warn);
        assert_eq!(
            enable(&["User.EnableDisableAccount.All", "User.Read.All"]),
            Level::Ok
        );
    }

    #[test]
    fn the_highest_role_counts() {
        let user = "FE930be7-5e62-47db-91af-98c3a49a38b1";
        let global = "62e90394-69f5-4237-9190-012177145e10";
        for (held, level, says) in [
            (&[][..], Level::Warn, "cannot set passwords"),
            (
                &["11111111-1111-1111-1111-111111111111"],
                Level::Warn,
                "cannot",
            ),
            (&[user], Level::Ok, "except of administrators"),
            (&[user, global], Level::Ok, "of administrators too"),
        ] {
            let line = password_reset(&strings(held));
            assert_eq!(line.level, level, "{held:?}");
            assert!(line.found.contains(says), "{}", line.found);
        }
    }
}
