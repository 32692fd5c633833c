//! Fixtures shared by the tests: repositories, emulated servers, published releases, attested files.

pub(crate) mod attack_table;
pub(crate) mod attested_file;
pub(crate) mod external_tools;
pub(crate) mod file_tree;
pub(crate) mod published_release;
pub(crate) mod repository;
pub(crate) mod tar_builder;
pub(crate) mod test_bed;
