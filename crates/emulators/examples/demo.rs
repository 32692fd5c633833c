//! Creates the demo repository in a directory, as a clone with remote `origin`, for benchmarks. The remote is the bare
//! repository `.git/origin.git` in the same directory.

use std::error::Error;
use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: demo FOLDER")?;
    let bare = Path::new(&folder).join(".git/origin.git");
    let git = |arguments: &[&str]| -> Result<(), Box<dyn Error>> {
        let status = Command::new("git").args(arguments).status()?;
        if status.success() { Ok(()) } else { Err(format!("git {arguments:?} failed").into()) }
    };
    let origin = bare.to_str().ok_or("the path of FOLDER is not valid UTF-8")?;
    git(&["init", "-q", "-b", "main", &folder])?;
    git(&["init", "-q", "--bare", "-b", "main", origin])?;
    emulators::create_demo_repository(&bare, include_str!("../../../release.toml"), "server/v0.2.0")?;
    git(&["-C", &folder, "config", "user.name", "Demo Maintainer"])?;
    git(&["-C", &folder, "config", "user.email", "maintainer@demo.example"])?;
    git(&["-C", &folder, "remote", "add", "origin", origin])?;
    git(&["-C", &folder, "fetch", "-q", "origin"])?;
    git(&["-C", &folder, "remote", "set-head", "origin", "main"])?;
    git(&["-C", &folder, "reset", "-q", "--hard", "origin/main"])
}
