//! What a published release proves to somebody who only downloads it.

use model::audit::{Download, Evidence, Promise, Received};
use model::hosting::WantedAsset;
use model::sums;
use model::verdict::{Finding, Verdict};

/// Every finding, in the order in which a reader would look. There is at least one.
#[must_use]
pub fn audit(promise: &Promise, evidence: &Evidence) -> Vec<Finding> {
    let mut findings = vec![tag(promise, evidence), release(promise, evidence)];
    for wanted in &promise.assets {
        findings.push(asset(wanted, evidence));
    }
    findings.push(listed(promise, evidence));
    findings
}

fn finding(
    check: &'static str,
    subject: &str,
    (verdict, reason): (Verdict, &'static str),
    evidence: String,
    hint: &str,
) -> Finding {
    Finding { check, subject: subject.to_owned(), verdict, reason, evidence, hint: hint.to_owned() }
}

const PROVEN: (Verdict, &str) = (Verdict::Proven, "ok");

fn tag(promise: &Promise, evidence: &Evidence) -> Finding {
    let name = &promise.tag;
    let found = |verdict, evidence, hint| finding("tag", name, verdict, evidence, hint);
    match &evidence.tag {
        Err(said) => {
            found((Verdict::Unproven, "unreachable"), format!("GitHub cannot be asked: {said}"), "run again")
        }
        Ok(None) if promise.private => private("tag", name),
        Ok(tag) => match tag {
            None => found(
                (Verdict::Refuted, "missing"),
                format!("GitHub has no {name}"),
                "run again: it is pushed",
            ),
            Some(there) if there.object == promise.object && there.commit == promise.commit => {
                found(PROVEN, format!("GitHub has object {} at {}", there.object, there.commit.short()), "")
            }
            Some(there) => found(
                (Verdict::Refuted, "moved"),
                format!(
                    "GitHub has object {} at {}, made was {}",
                    there.object,
                    there.commit.short(),
                    promise.object
                ),
                "somebody moved the tag: do not use this release, and tell its maintainers",
            ),
        },
    }
}

/// What nobody without credentials can see.
fn private(check: &'static str, subject: &str) -> Finding {
    let evidence = "the repository is private: no outsider can look".to_owned();
    finding(check, subject, (Verdict::Unproven, "private"), evidence, "look at the release on GitHub")
}

fn release(promise: &Promise, evidence: &Evidence) -> Finding {
    let found = |verdict, evidence, hint| finding("release", &promise.tag, verdict, evidence, hint);
    let release = match &evidence.release {
        Err(said) => {
            return found(
                (Verdict::Unproven, "unreachable"),
                format!("GitHub cannot be asked: {said}"),
                "run again",
            );
        }
        Ok(None) if promise.private => return private("release", &promise.tag),
        Ok(None) => {
            let evidence = "nobody without credentials sees a release".to_owned();
            return found((Verdict::Unproven, "not-public"), evidence, "wait a moment, then run again");
        }
        Ok(Some(release)) => release,
    };
    if release.tag != promise.tag || release.draft || release.prerelease != promise.prerelease {
        let marked = if release.prerelease { "a prerelease" } else { "a final release" };
        let evidence = format!("{} holds {} and is {marked}", release.page, release.tag);
        return found((Verdict::Refuted, "other"), evidence, "look at it on GitHub: somebody changed it");
    }
    found(PROVEN, format!("{} is published", release.page), "")
}

/// An asset: GitHub's own digest and the bytes that anybody gets.
fn asset(wanted: &WantedAsset, evidence: &Evidence) -> Finding {
    let found = |verdict, evidence, hint| finding("asset", &wanted.name, verdict, evidence, hint);
    let said = evidence.release.as_ref().ok().and_then(Option::as_ref).and_then(|it| it.asset(&wanted.name));
    if let Some(digest) = said.and_then(|it| it.digest).filter(|it| *it != wanted.digest) {
        let evidence = format!("GitHub has {digest}, made was {}", wanted.digest);
        return found(
            (Verdict::Refuted, "other-digest"),
            evidence,
            "do not use it, and tell the maintainers",
        );
    }
    match download(&wanted.name, evidence) {
        None => found(
            (Verdict::Unproven, "not-there"),
            "it could not be downloaded: there is none".to_owned(),
            "run again",
        ),
        Some(Err(said)) => found(
            (Verdict::Unproven, "not-downloaded"),
            format!("it could not be downloaded: {said}"),
            "run again",
        ),
        Some(Ok(it)) if it.digest == wanted.digest => {
            found(PROVEN, format!("{} downloaded, {} bytes", it.digest, it.size), "")
        }
        Some(Ok(it)) => found(
            (Verdict::Refuted, "other-bytes"),
            format!("downloaded was {}, made was {}", it.digest, wanted.digest),
            "do not use it, and tell the maintainers",
        ),
    }
}

fn download<'a>(name: &str, evidence: &'a Evidence) -> Option<Result<&'a Received, &'a String>> {
    let found: Option<&Download> = evidence.downloads.iter().find(|it| it.name == name);
    found.map(|it| it.came.as_ref())
}

/// `SHA256SUMS` names the archive that was downloaded, and nothing else.
fn listed(promise: &Promise, evidence: &Evidence) -> Finding {
    const NAME: &str = "SHA256SUMS";
    let found = |verdict, evidence, hint| finding("sums", NAME, verdict, evidence, hint);
    let Some(Ok(sums)) = download(NAME, evidence) else {
        return found(
            (Verdict::Unproven, "not-downloaded"),
            "there are no sums to read".to_owned(),
            "run again",
        );
    };
    let listed = match sums::parse(&sums.head) {
        Ok(listed) => listed,
        Err(error) => return found((Verdict::Refuted, "malformed"), error.to_string(), "do not use it"),
    };
    let others = promise.assets.iter().filter(|it| it.name != NAME);
    let came: Option<Vec<_>> =
        others.map(|it| Some((it.name.clone(), download(&it.name, evidence)?.ok()?.digest))).collect();
    match came {
        None => found(
            (Verdict::Unproven, "not-downloaded"),
            "there is no archive to compare".to_owned(),
            "run again",
        ),
        Some(came) if came == listed => {
            found(PROVEN, format!("it names what was downloaded: {}", listed[0].0), "")
        }
        Some(_) => {
            let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
            let evidence = format!("it does not fit what was downloaded; it names {}", names.join(", "));
            found((Verdict::Refuted, "sums-differ"), evidence, "do not use it, and tell the maintainers")
        }
    }
}
