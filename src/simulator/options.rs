//! Switches: behaviour that documents leave open, or that tests want to turn.

use time::Duration;

/// Behaviour that documents leave open, or that tests want to turn.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Of two unchained writes to one object in a `$batch`, the later gets 409.
    pub concurrency_violations: bool,
    /// Whether deleted security groups go to the recycle bin, as Microsoft 365 groups do.
    pub security_group_recycle_bin: bool,
    /// How long a `$skiptoken` works.
    pub page_token_life: Duration,
    /// Whether an application may write profile properties (`aboutMe`, `skills`, …), each in a
    /// PATCH without others. Documents say that only a signed-in user may.
    pub profile_by_application: bool,
    /// Whether every user has a mailbox; else only users with `mail` do.
    pub mailbox_for_all: bool,
    /// Whether a new user's `mailNickname` must be nobody else's; else two users may share one.
    pub unique_mail_nickname: bool,
    /// How delta queries behave.
    pub delta: Habits,
    /// Privileged Identity Management.
    pub roles: RolePolicy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency_violations: true,
            security_group_recycle_bin: false,
            page_token_life: Duration::hours(1),
            profile_by_application: false,
            mailbox_for_all: false,
            unique_mail_nickname: true,
            delta: Habits::default(),
            roles: RolePolicy::default(),
        }
    }
}

/// The licence of Privileged Identity Management, and its rules, which are the same for all roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolePolicy {
    /// Whether the tenant has the licence.
    pub licensed: bool,
    /// The longest eligibility in days; each has to end then. `None`: none has to.
    pub eligible_days: Option<u32>,
    /// The longest active assignment in days; each has to end then.
    pub active_days: Option<u32>,
    /// Whether an eligibility needs a justification too; an active assignment always does.
    pub eligible_justification: bool,
    /// Whether an assignment needs a ticket.
    pub ticket: bool,
    /// Whether an active assignment needs the administrator's multifactor authentication, which an
    /// application has not passed.
    pub mfa: bool,
    /// Requests at an administrative unit are carried out for the whole tenant, as was reported of
    /// units that are seconds old.
    pub scope_lost: bool,
    /// Requests are taken and come to nothing.
    pub fails: bool,
}

impl Default for RolePolicy {
    fn default() -> Self {
        Self {
            licensed: true,
            eligible_days: None,
            active_days: None,
            eligible_justification: false,
            ticket: false,
            mfa: false,
            scope_lost: false,
            fails: false,
        }
    }
}

/// How a token that works no more is answered: documents leave the directory's way open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resync {
    /// 410 with the address to start from in `Location`.
    #[default]
    Gone,
    /// 400 `syncStateNotFound`.
    SyncStateNotFound,
}

/// Delta behaviour that documents leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Habits {
    /// The answer to a token that works no more.
    pub resync: Resync,
    /// Pages show an object twice, and a round shows the last change of the round before.
    pub repeats: bool,
    /// Members that are gone for good are reported as removed. Documented, yet said not to happen.
    pub cut_links: bool,
}
