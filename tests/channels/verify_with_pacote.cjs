// Verifies a package as npm does: its registry signature, and its attestations if a TUF cache is given.
// Usage: node verify_with_pacote.cjs REGISTRY NAME@VERSION KEYS_FILE [TUF_CACHE]. Prints `ok`, or the code of the error.
const { readFileSync } = require('node:fs');
const pacote = require('pacote');

const [registry, spec, keysFile, tufCache] = process.argv.slice(2);
const address = new URL(registry);
const pem = (spki) => `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----`;
const keys = JSON.parse(readFileSync(keysFile, 'utf8')).keys.map((key) => ({ ...key, pemkey: pem(key.key) }));
const options = {
  registry,
  [`//${address.host}${address.pathname}:_keys`]: keys,
  cache: `${tufCache ?? keysFile}.cache`,
  fullMetadata: true,
  verifySignatures: true,
  verifyAttestations: tufCache !== undefined,
  tufCache,
};
pacote.manifest(spec, options).then(
  () => console.log('ok'),
  (error) => console.log(`${error.code}: ${error.message}`),
);
