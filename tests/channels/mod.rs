//! Comparison of packages with the tree of their tag: one file for each registry, and one for each container format.

mod byte_mutations;
mod go;
mod npm;
mod package_bed;
mod pypi;
mod tar_containers;
mod zip_containers;
