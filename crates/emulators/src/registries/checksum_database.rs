//! The checksum database, as Go's client reads it (<https://go.dev/ref/mod#checksum-database>).

use signed_note::Note;
use tlog_tiles::{Checkpoint, Tile};

use super::checksum_log::{GoModuleHashes, escaped, tree_error};
use super::registry_server::RegistryServer;
use crate::error::EmulatorError;

/// The height of the tiles that Go's client asks for.
const TILE_HEIGHT: u8 = 8;

impl RegistryServer {
    /// Returns the database as `GOSUMDB` names it: its key and its address.
    #[must_use]
    pub fn checksum_database(&self) -> String {
        format!("{} {}", self.checksum_log.verifier_key, self.server.url("/sumdb"))
    }

    /// Records the hashes of a version, and publishes the new tree.
    ///
    /// # Errors
    /// [`EmulatorError`] if the tree cannot be extended or signed.
    pub fn record_checksums(&mut self, hashes: &GoModuleHashes) -> Result<(), EmulatorError> {
        let GoModuleHashes { module, version, module_hash, manifest_hash } = hashes;
        let record = format!("{module} {version} {module_hash}\n{module} {version}/go.mod {manifest_hash}\n");
        let log = &mut self.checksum_log;
        let number = log.records;
        let added = tlog_tiles::stored_hashes(number, record.as_bytes(), &log.stored);
        log.stored.0.extend(added.map_err(|error| tree_error(&error))?);
        log.records += 1;
        let root = tlog_tiles::tree_hash(log.records, &log.stored).map_err(|error| tree_error(&error))?;
        let head = Checkpoint::new("go.sum database tree", log.records, root, "");
        let head = head.map_err(|_| tree_error(&"the tree head is not valid"))?.to_bytes();
        let mut note = Note::new(&head, &[]).map_err(|error| tree_error(&error))?;
        note.add_sigs(&[&log.signer]).map_err(|error| tree_error(&error))?;
        let signed = note.to_bytes();
        let mut tiles = Vec::new();
        for tile in Tile::new_tiles(TILE_HEIGHT, 0, log.records) {
            tiles.push((tile.path(), tile.read_data(&log.stored).map_err(|error| tree_error(&error))?));
        }
        for (path, data) in tiles {
            self.set_document(&format!("/sumdb/{path}"), "application/octet-stream", data);
        }
        self.set_document("/sumdb/latest", "text/plain", signed.clone());
        let answer = [format!("{number}\n{record}\n").into_bytes(), signed].concat();
        self.set_document(&format!("/sumdb/lookup/{}@{version}", escaped(module)), "text/plain", answer);
        Ok(())
    }
}
