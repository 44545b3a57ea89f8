// Everybody who asks too much of a daemon at once, in a thread of its own so that whoever measures is not held up:
// workerData names the credential, the recording to stall on, grants, and how many there are of each kind.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Connection } from '../peer/connection.mjs';
import { readCredential, socketOptions } from '../peer/credential.mjs';
import { REPLY_SIZE, Session } from '../peer/session.mjs';
import { decode } from '../peer/wire.mjs';
import { Recording, newRecordingId } from '../peer/writer.mjs';

const { credential, grants, recording, crowd } = workerData;
const known = readCredential(credential);
const TYPE = 'video/webm';
// Handshakes under way at once: the limits on unproved callers are for the half-open ones, which keep to them.
const AT_ONCE = 8;
const BULK = randomBytes(1 << 20);
let over = false;

/** A connection that speaks when it is told to. */
class Member {
  #socket = net.connect(socketOptions(known.address));
  #received = Buffer.alloc(0);
  #wake = () => {};
  #request = 0n;
  over = false;

  constructor() {
    this.#socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    this.#socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.over = true;
        this.#wake();
        resolve();
      });
    });
  }

  write(bytes) {
    if (!this.over) {
      this.#socket.write(bytes);
    }
  }

  async #read(size) {
    while (this.#received.length < size) {
      if (this.over) {
        throw new Error('closed');
      }
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#received.subarray(0, size);
    this.#received = this.#received.subarray(size);
    return taken;
  }

  async shakeHands() {
    this.session = new Session(known);
    this.write(this.session.hello());
    this.session.established(await this.#read(REPLY_SIZE));
    return this;
  }

  say(name, stream, fields) {
    this.write(this.session.frame(name, stream, ++this.#request, fields));
  }

  async next() {
    const size = await this.#read(2);
    return decode(this.session.openFrame(await this.#read(this.session.frameSize(size))));
  }

  /** The answer must be this one. */
  async expect(name) {
    const message = await this.next();
    if (message.name !== name) {
      throw new Error(message.text ?? message.name);
    }
    return message;
  }

  /** Takes nothing more, until the daemon has had enough. */
  stall() {
    this.#socket.pause();
  }

  /** Takes what comes and forgets it. */
  forget() {
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
  }

  leave() {
    this.#socket.destroy();
  }
}

const members = new Set();

async function live(body) {
  const member = new Member();
  members.add(member);
  try {
    await body(member);
  } catch {
    // It was refused or dropped, as it deserves; the daemon's counters say so.
  } finally {
    members.delete(member);
    member.leave();
  }
}

/** Says the first part of a hello and no more; another one comes when the daemon closes it. */
async function halfOpen() {
  while (!over) {
    await live(async (member) => {
      member.write(Buffer.from('sealreel\0\x01'));
      await member.ended;
    });
    await delay(200);
  }
}

async function garbage() {
  while (!over) {
    await live(async (member) => {
      member.write(randomBytes(4096));
      await member.ended;
    });
    await delay(1);
  }
}

let shaking = 0;

/** The same with a connection that proves itself, when its turn has come; again until it is ready. */
async function proved(body) {
  let isReady = false;
  while (!isReady && !over) {
    await proveOnce((member) => body(member, () => {
      isReady = true;
      ready();
    }));
  }
}

async function proveOnce(body) {
  while (shaking >= AT_ONCE) {
    await delay(20);
  }
  shaking++;
  let waits = true;
  const admitted = () => {
    shaking -= waits;
    waits = false;
  };
  await live(async (member) => {
    await member.shakeHands();
    admitted();
    await body(member);
  });
  admitted();
}

/** Opens a player, asks for all there is, and takes nothing of it. */
const stalledReader = () => proved(async (member, isReady) => {
  member.say('play.open', 1, { grant: grants.play, recording });
  await member.expect('play.opened');
  member.stall();
  member.say('play.read', 1, { track: 1, from: 0, length: 64 << 20 });
  isReady();
  await member.ended;
});

/** A call that is hardly one: a byte a second. */
const slowWriter = () => proved(async (member, isReady) => {
  const id = newRecordingId();
  const nonce = randomBytes(16);
  member.say('record.open', 0, {
    grant: grants.record, recording: id, nonce, started: 0, retainUntil: 0, label: '',
  });
  await member.expect('record.opened');
  member.say('record.track', 1, {
    grant: grants.record, recording: id, nonce, track: 0, start: 0, type: TYPE, label: '',
  });
  await member.expect('record.ready');
  member.forget();
  isReady();
  for (let offset = 0; !over && !member.over; offset++) {
    member.say('record.append', 1, { offset, mediaTime: null, media: Buffer.from([offset]) });
    await delay(1000);
  }
});

/** An upload as fast as the daemon takes it, which is acknowledged like any other. */
async function bulkWriter() {
  const connection = await Connection.open(known);
  const upload = await Recording.open(connection, grants.record, { id: newRecordingId() });
  const writer = await upload.track({ type: TYPE });
  ready();
  while (!over) {
    await writer.append(BULK);
  }
  await writer.close();
  await connection.close();
}

let waitingFor = crowd.stalled + crowd.slow + crowd.bulk;

function ready() {
  if (--waitingFor === 0) {
    parentPort.postMessage('assembled');
  }
}

const each = (count, body) => Array.from({ length: count }, body);
const uploads = each(crowd.bulk, bulkWriter);

parentPort.once('message', async () => {
  over = true;
  members.forEach((member) => member.leave());
  await Promise.all(uploads);
  parentPort.postMessage('gone');
  parentPort.close();
});

each(crowd.stalled, stalledReader);
each(crowd.slow, slowWriter);
// The half-open ones would keep the others out, which is another test's matter.
while (waitingFor > 0 && !over) {
  await delay(20);
}
each(crowd.halfOpen, halfOpen);
each(crowd.garbage, garbage);
