//! `Chart.lock`: the versions of the charts that a chart depends on (`helm:internal/resolver`).

use model::UntrustedText;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

use super::chart_yaml::{ChartDependency, ChartDocument};

/// The file in the folder of a chart.
pub const LOCK: &str = "Chart.lock";
/// The check of the lock.
const CHECK: &str = "lock";

/// How the lock of a chart fits its dependencies.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LockState {
    /// The chart has no dependencies.
    NotNeeded,
    Fits,
    Missing,
    /// The lock is of other dependencies, or cannot be read. `helm dependency build` fails.
    Stale(String),
}

impl LockState {
    /// Compares the digest in a lock with the one of the dependencies.
    pub(super) fn of(manifest: &[u8], lock: Option<&[u8]>) -> Self {
        let Ok(manifest) = ChartDocument::parse(manifest) else {
            return Self::Stale("Chart.yaml cannot be read".to_owned());
        };
        let dependencies = manifest.dependencies();
        let lock = match (lock, dependencies.is_empty()) {
            (None, true) => return Self::NotNeeded,
            // A chart without an address is in the folder `charts`.
            (None, _) if dependencies.iter().all(|it| it.repository.is_empty()) => return Self::NotNeeded,
            (None, false) => return Self::Missing,
            (Some(lock), _) => ChartDocument::parse(lock),
        };
        let Ok(lock) = lock else { return Self::Stale("Chart.lock cannot be read".to_owned()) };
        let locked = lock.dependencies();
        let computed = ChartDocument::lock_digest(&dependencies, &locked);
        match lock.text("digest") {
            Some(stated) if stated == computed => Self::Fits,
            stated => {
                let stated = UntrustedText::new(stated.unwrap_or_default()).escaped();
                let difference = lock_difference(&dependencies, &locked);
                let difference = UntrustedText::new(difference.unwrap_or_default()).escaped();
                Self::Stale(format!(
                    "Chart.lock states {stated}, its dependencies have {computed}{difference}"
                ))
            }
        }
    }

    /// Returns the finding about the lock of a chart. `None` if the chart needs none.
    pub(super) fn finding(&self, subject: &str) -> Option<Finding> {
        match self {
            Self::NotNeeded => None,
            Self::Fits => {
                Some(Finding::proven(CHECK, subject, "the digest in Chart.lock is that of the dependencies"))
            }
            Self::Missing => {
                let evidence = "the tag's tree has no Chart.lock, so nothing says which charts were packaged";
                Some(Finding::unproven(CHECK, subject, Reason::NotComparable, evidence))
            }
            Self::Stale(evidence) => {
                let evidence = format!("{evidence}: `helm dependency build` refuses the tag's tree");
                Some(Finding::refuted(CHECK, subject, Reason::StaleLock, evidence))
            }
        }
    }
}

/// Returns how a lock differs from the dependencies, in words. `None` if no name, address or version tells it.
fn lock_difference(dependencies: &[ChartDependency], locked: &[ChartDependency]) -> Option<String> {
    for wanted in dependencies {
        let name = &wanted.name;
        let Some(found) = locked.iter().find(|it| it.name == *name) else {
            return Some(format!(" ({name} is not in Chart.lock)"));
        };
        let version = &wanted.version;
        let is_exact =
            version.starts_with(|it: char| it.is_ascii_digit()) && !version.contains([' ', '|', 'x', '*']);
        if is_exact && *version != found.version {
            return Some(format!(" ({name}: Chart.yaml wants {version}, Chart.lock has {})", found.version));
        }
        if wanted.repository != found.repository {
            return Some(format!(" ({name}: Chart.lock has another repository than Chart.yaml)"));
        }
    }
    let is_unwanted = |it: &&ChartDependency| dependencies.iter().all(|wanted| wanted.name != it.name);
    locked.iter().find(is_unwanted).map(|it| format!(" ({} is only in Chart.lock)", it.name))
}
