// Puts the key into every request that the conformance suite sends to the server under test, for it has no option for
// one: `node --import authorization.mjs …/conformance/dist/index.js server --url …`.
//
// AEGIS_CONFORMANCE_KEY     the key; taken out of the environment here, so that nothing else in the suite sees it
// AEGIS_CONFORMANCE_ORIGIN  scheme, host and port of the server under test; nobody else gets the key
// AEGIS_CONFORMANCE_SUITE   the folder of the suite's package, whose undici is patched
//
// The suite sends in three ways: fetch, node:http (http-header-validation) and undici (dns-rebinding-protection). A
// request that brings its own Authorization keeps it.

import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const required = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  delete process.env[name];
  return value;
};
const authorization = `Bearer ${required('AEGIS_CONFORMANCE_KEY')}`;
const { origin, host } = new URL(required('AEGIS_CONFORMANCE_ORIGIN'));
const suite = createRequire(join(required('AEGIS_CONFORMANCE_SUITE'), 'package.json'));

const originalFetch = globalThis.fetch;
globalThis.fetch = (resource, options = {}) => {
  const address = new URL(resource instanceof Request ? resource.url : resource);
  if (address.origin !== origin) return originalFetch(resource, options);
  const headers = new Headers(options.headers ?? (resource instanceof Request ? resource.headers : undefined));
  if (!headers.has('authorization')) headers.set('authorization', authorization);
  return originalFetch(resource, { ...options, headers });
};

const originalRequest = http.request;
http.request = (target, ...rest) => {
  const isOptions = typeof target === 'object' && !(target instanceof URL);
  if (isOptions && `${target.hostname}:${target.port}` === host) {
    target = { ...target, headers: { Authorization: authorization, ...target.headers } };
  }
  return originalRequest(target, ...rest);
};
syncBuiltinESMExports();

const { getGlobalDispatcher, setGlobalDispatcher } = suite('undici');
const isAuthorization = (name) => String(name).toLowerCase() === 'authorization';
const withAuthorization = (headers) => {
  if (Array.isArray(headers)) {
    const has = headers.some((name, index) => index % 2 === 0 && isAuthorization(name));
    return has ? headers : [...headers, 'authorization', authorization];
  }
  return Object.keys(headers ?? {}).some(isAuthorization) ? headers : { ...headers, authorization };
};
setGlobalDispatcher(
  getGlobalDispatcher().compose((dispatch) => (options, handler) =>
    new URL(options.origin).origin === origin
      ? dispatch({ ...options, headers: withAuthorization(options.headers) }, handler)
      : dispatch(options, handler)
  )
);
