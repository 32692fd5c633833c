//! Comparison of packages with the tree of their tag: one file for each registry, and one for each container format.

mod byte_mutations;
mod go;
mod go_audit;
mod helm;
mod helm_audit;
mod helm_package;
mod maven;
mod maven_audit;
mod maven_package;
pub(crate) mod npm;
mod npm_audit;
mod npm_file_lists;
mod npm_package;
mod nuget;
mod nuget_audit;
mod nuget_package;
mod openpgp_verdicts;
mod package_bed;
pub(crate) mod published_packages;
mod pypi;
pub(crate) mod pypi_audit;
mod pypi_index_attacks;
mod python_clients;
mod python_metadata;
mod tar_containers;
mod zip_containers;
