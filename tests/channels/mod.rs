//! Comparison of packages with the tree of their tag, one file for each registry.

mod byte_mutations;
mod containers;
mod go;
mod npm;
mod package_bed;
mod pypi;
