//! The reader of tar packages accepts or refuses any bytes without a panic. What it accepts has unambiguous names, and is
//! the same in every run. The input is the tar stream: the reader of gzip has a target of its own.
#![no_main]

mod package_file;

use libfuzzer_sys::fuzz_target;
use model::package::PackageFormat;

fuzz_target!(|tar: &[u8]| {
    let bytes = package_file::stored_gzip(tar);
    for format in [PackageFormat::Sdist, PackageFormat::NpmTarball, PackageFormat::HelmChart] {
        package_file::check(&bytes, format);
    }
});
