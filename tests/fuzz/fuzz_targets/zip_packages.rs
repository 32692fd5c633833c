//! The reader of zip packages accepts or refuses any bytes without a panic. What it accepts has unambiguous names, and is
//! the same in every run.
#![no_main]

mod package_file;

use libfuzzer_sys::fuzz_target;
use model::package::PackageFormat;

fuzz_target!(|bytes: &[u8]| {
    for format in [PackageFormat::Wheel, PackageFormat::GoModule, PackageFormat::Nupkg, PackageFormat::Jar] {
        package_file::check(bytes, format);
    }
});
