//! No changed byte of a package is proven by `compare`, which knows no digest of the file, unless Python extracts the
//! same files from it: `docs/limits.md` lists these bytes. `OPENSANDBOX_EVERY_BYTE=1` changes every byte in three ways;
//! without it a sample is changed.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::channels::go::small_module;
use crate::channels::helm_package::{lock, packaged_chart};
use crate::channels::maven_package::{MavenArtifacts, built_file};
use crate::channels::npm::small_package;
use crate::channels::nuget_package::packed_project;
use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::PLAIN_WORKFLOW;
use crate::channels::zip_containers::small_project;
use crate::support::repository::{hermetic_command, print_note, run};

/// The step of the sample. It is odd, so that it meets every kind of field.
const SAMPLE_STEP: usize = 9;

/// Changes bytes of a package. Asserts that Python reads the same files from each changed package that is proven.
fn check_mutations(bed: &PackageBed, package: &Path) {
    let good = std::fs::read(package).unwrap();
    assert_eq!(bed.compare(package), ("proven".to_owned(), Vec::new()), "the twin is not proven");
    let every_byte = std::env::var_os("OPENSANDBOX_EVERY_BYTE").is_some();
    let masks: &[u8] = if every_byte { &[0xff, 0x01, 0x80] } else { &[0xff] };
    let offsets: Vec<usize> = (0..good.len()).step_by(if every_byte { 1 } else { SAMPLE_STEP }).collect();
    let (next, proven) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = |worker: usize| {
        let folder = bed.folder.path().join(format!("worker-{worker}"));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(package.file_name().unwrap());
        while let Some(offset) = offsets.get(next.fetch_add(1, Ordering::Relaxed)) {
            for mask in masks {
                let mut bytes = good.clone();
                bytes[*offset] ^= mask;
                std::fs::write(&file, &bytes).unwrap();
                if bed.compare(&file).0 == "proven" {
                    proven.lock().unwrap().push((*offset, bytes));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in 0..2 {
            scope.spawn(move || work(worker));
        }
    });
    let mut offsets_of_proven = Vec::new();
    let files = extracted_files(bed, package);
    for (offset, bytes) in proven.into_inner().unwrap() {
        let file = bed.folder.path().join("worker-0").join(package.file_name().unwrap());
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(extracted_files(bed, &file), files, "byte {offset} changes a file");
        offsets_of_proven.push(offset);
    }
    offsets_of_proven.sort_unstable();
    offsets_of_proven.dedup();
    let name = package.file_name().unwrap().display();
    print_note(&format!(
        "{name}: {} of {} bytes changed; the same files and proven: {offsets_of_proven:?}",
        offsets.len(),
        good.len()
    ));
}

/// Returns the paths, modes and contents of a package's files, as Python reads them.
fn extracted_files(bed: &PackageBed, package: &Path) -> String {
    let script = "import hashlib, sys, tarfile, zipfile\n\
                  p = sys.argv[1]\n\
                  if zipfile.is_zipfile(p):\n\
                  \x20   z = zipfile.ZipFile(p)\n\
                  \x20   f = [(i.filename, i.external_attr, z.read(i)) for i in z.infolist()]\n\
                  else:\n\
                  \x20   t = tarfile.open(p)\n\
                  \x20   f = [(m.name, m.mode, t.extractfile(m).read()) for m in t.getmembers()]\n\
                  print([(n, m, hashlib.sha256(c).hexdigest()) for n, m, c in f])";
    let mut command = hermetic_command("python3", bed.folder.path());
    run(command.args(["-c", script]).arg(package)).ok().stdout
}

#[test]
fn no_changed_byte_of_a_wheel_is_proven() {
    let Some((bed, ..)) = small_project("no_changed_byte_of_a_wheel_is_proven") else { return };
    let wheel = bed.packages.iter().find(|it| it.extension().is_some_and(|it| it == "whl")).unwrap();
    check_mutations(&bed, wheel);
}

#[test]
fn no_changed_byte_of_a_source_distribution_is_proven() {
    let Some((bed, ..)) = small_project("no_changed_byte_of_a_source_distribution_is_proven") else { return };
    let sdist = bed.packages.iter().find(|it| it.extension().is_some_and(|it| it == "gz")).unwrap();
    check_mutations(&bed, sdist);
}

#[test]
fn no_changed_byte_of_an_npm_package_is_proven() {
    let (bed, package) = small_package();
    check_mutations(&bed, &package);
}

#[test]
fn no_changed_byte_of_a_nuget_package_is_proven() {
    let (bed, package) = packed_project(PLAIN_WORKFLOW);
    check_mutations(&bed, &package);
}

#[test]
fn no_changed_byte_of_a_jar_is_proven() {
    let bed = MavenArtifacts::build(PLAIN_WORKFLOW).bed;
    check_mutations(&bed, &built_file(&bed, "-sources.jar"));
}

#[test]
fn no_changed_byte_of_a_chart_is_proven() {
    let (bed, package) = packaged_chart(PLAIN_WORKFLOW, &lock());
    check_mutations(&bed, &package);
}

#[test]
fn no_changed_byte_of_a_go_module_is_proven() {
    let Some((bed, package)) = small_module("no_changed_byte_of_a_go_module_is_proven") else { return };
    check_mutations(&bed, &package);
}
