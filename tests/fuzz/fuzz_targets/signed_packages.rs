//! Removing the signature from any bytes ends without a panic. The result has no signature, and is shorter by more than
//! the signature.
#![no_main]

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use libfuzzer_sys::fuzz_target;

thread_local! {
    /// The package, the restored one, and the one that is restored again. They are in memory.
    static FILES: [File; 3] =
        std::array::from_fn(|_| archive::create_nameless(Path::new("/dev/shm")).expect("a file in memory"));
}

fn emptied(mut file: &File) -> &File {
    file.set_len(0).expect("the file can be emptied");
    file.rewind().expect("the file can be rewound");
    file
}

fuzz_target!(|bytes: &[u8]| {
    FILES.with(|[package, restored, again]| {
        emptied(package).write_all(bytes).expect("the file can be written");
        let mut target = emptied(restored).try_clone().expect("the file can be shared");
        let Ok(Some(signature)) = archive::remove_package_signature(package, &mut target) else { return };
        let size = restored.metadata().expect("the file has a size").len() as usize;
        assert!(size + signature.len() < bytes.len(), "more than the entry was kept");
        let mut target = emptied(again).try_clone().expect("the file can be shared");
        let second = archive::remove_package_signature(restored, &mut target);
        assert!(!matches!(second, Ok(Some(_))), "the restored package has a signature");
    });
});
