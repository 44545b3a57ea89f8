// How the kernel sends to those who come by TCP: without pacing by loopback, as the machine's operator chose elsewhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { Store, missing } from './harness.mjs';

const chosen = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim();
const alike = chosen === 'reno' && 'this machine has Reno for everybody';
const has6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');

/** What ss says of the daemon's end of a connection that comes to a host: a list of words, congestion control in it. */
async function said(listen, host) {
  const store = await Store.serve({ options: [['listen', 'tcp', listen]] });
  const socket = new net.Socket();
  try {
    const { port } = store.lines().find(({ event }) => event === 'listening');
    socket.connect({ host, port });
    await once(socket, 'connect');
    return execFileSync('ss', ['-Htin', 'state', 'established', 'sport', '=', `:${port}`], { encoding: 'utf8' }).split(/\s+/);
  } finally {
    socket.destroy();
    await store.remove();
  }
}

describe('connections by TCP', { skip: missing() }, () => {
  test('are not paced by loopback', { skip: alike }, async () => {
    assert.ok((await said('127.0.0.1:0', '127.0.0.1')).includes('reno'));
  });

  test('are not paced by loopback of IPv6', { skip: alike || (!has6 && 'no IPv6 here') }, async () => {
    assert.ok((await said('[::1]:0', '::1')).includes('reno'));
  });

  test('have what the machine says where others may come as well', async () => {
    assert.ok((await said('0.0.0.0:0', '127.0.0.1')).includes(chosen));
  });
});
