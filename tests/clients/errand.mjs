// What the Node drivers have in common: the errand from stdin, its steps, the report to stdout. See README.md.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Loads a module of the packages that AEGIS_NODE_PACKAGES holds: they stand beside no script of ours. */
export const load = createRequire(join(process.env.AEGIS_NODE_PACKAGES, 'package.json'));

/**
 * Runs the errand of stdin with the client that `connect` makes of it.
 *
 * `connect(errand)` returns `{client, version()}`, connected; `call(client, step, options)` calls a tool;
 * `watch(client, uri, told)` subscribes, with `told(uri)` for each change, and returns what takes it back.
 */
export async function run(connect, call, watch) {
  const errand = JSON.parse(await text(process.stdin));
  const { client, version } = await connect(errand);
  const steps = [];
  for (const step of errand.steps) steps.push(await report(client, step, { call, watch }));
  const made = {
    version: version(),
    server: client.getServerVersion() ?? null,
    capabilities: client.getServerCapabilities() ?? null,
    steps
  };
  await client.close();
  process.stdout.write(`${JSON.stringify(made)}\n`);
}

async function report(client, step, means) {
  const progress = [];
  const giveUp = new AbortController();
  const options = { signal: giveUp.signal, timeout: 60_000 };
  if (step.progress) options.onprogress = (update) => progress.push(update);
  if (step.cancel_on_progress) options.onprogress = () => giveUp.abort('given up');
  try {
    const result = await take(client, step, options, means);
    return step.progress ? { result, progress } : { result };
  } catch (error) {
    if (giveUp.signal.aborted) return { cancelled: true };
    return { error: { code: error.code ?? null, message: String(error.message ?? error) } };
  }
}

function take(client, step, options, { call, watch }) {
  switch (step.do) {
    case 'list_tools':
      return client.listTools(undefined, options);
    case 'call_tool':
      return call(client, { name: step.name, arguments: step.arguments ?? {} }, options);
    case 'list_resources':
      return client.listResources(undefined, options);
    case 'list_resource_templates':
      return client.listResourceTemplates(undefined, options);
    case 'read_resource':
      return client.readResource({ uri: step.uri }, options);
    case 'list_prompts':
      return client.listPrompts(undefined, options);
    case 'get_prompt':
      return client.getPrompt({ name: step.name, arguments: step.arguments ?? {} }, options);
    case 'complete':
      return client.complete(
        { ref: step.ref, argument: step.argument, ...(step.context && { context: { arguments: step.context } }) },
        options
      );
    case 'watch':
      return firstChange(client, step.uri, watch);
    default:
      throw new Error(`no such step: ${step.do}`);
  }
}

async function firstChange(client, uri, watch) {
  const told = Promise.withResolvers();
  const timer = setTimeout(() => told.reject(new Error('nothing was told')), 60_000);
  const leave = await watch(client, uri, told.resolve);
  try {
    return { uri: await told.promise };
  } finally {
    clearTimeout(timer);
    await leave();
  }
}

/** Returns what the transports over HTTP take to carry the key. */
export const withKey = (errand) => ({ requestInit: { headers: { Authorization: `Bearer ${errand.key}` } } });
