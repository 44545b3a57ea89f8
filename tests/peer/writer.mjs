// Recording: one recording of one patient, and a writer for each of its tracks. PROTOCOL.md section 5.
import { randomBytes } from 'node:crypto';
import { MAX_APPEND } from './wire.mjs';

/** A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits around version and variant. */
export function newRecordingId(now = Date.now()) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** One track being written. */
class Writer {
  #stream;
  #sent;
  #durable;
  #window;

  constructor(stream, ready) {
    this.#stream = stream;
    this.track = ready.track;
    this.generation = ready.generation;
    this.#sent = ready.durable;
    this.#durable = ready.durable;
    this.#window = ready.window;
  }

  get durable() {
    return this.#durable;
  }

  /** Where the next byte stands. */
  get offset() {
    return this.#sent;
  }

  /** What is durable never becomes less, and never more than was sent. */
  #acknowledged(durable) {
    if (durable < this.#durable || durable > this.#sent) {
      throw new Error(`a durable length of ${durable} after ${this.#durable}, with ${this.#sent} sent`);
    }
    this.#durable = durable;
  }

  /** Appends the bytes, waiting for acknowledgements where the window is full. */
  async append(media, mediaTime = null) {
    for (let at = 0; at < media.length;) {
      const room = this.#durable + this.#window - this.#sent;
      if (room <= 0) {
        this.#acknowledged((await this.#stream.next('record.ack')).durable);
        continue;
      }
      const part = media.subarray(at, at + Math.min(room, MAX_APPEND));
      // The time is that of the first byte alone; of the others nobody said anything.
      const time = at === 0 ? mediaTime : null;
      await this.#stream.send('record.append', { offset: this.#sent, mediaTime: time, media: part });
      this.#sent += part.length;
      at += part.length;
    }
  }

  /** Waits for `name`, taking the acknowledgements that come before it. */
  async #until(name) {
    for (;;) {
      const message = await this.#stream.next('record.ack', name);
      if (message.durable !== undefined) {
        this.#acknowledged(message.durable);
      }
      if (message.name === name) {
        return message;
      }
    }
  }

  /** Puts a newer grant in the place of the stream's; resolves to when it ends, in seconds. */
  async renew(grant) {
    await this.#stream.send('grant.renew', { grant });
    return (await this.#until('grant.renewed')).expires;
  }

  /** Has everything appended made durable. Returns the durable length. */
  async sync() {
    await this.#stream.send('record.sync', {});
    return (await this.#until('record.synced')).durable;
  }

  /** Has the rest made durable and ends the stream. Returns the durable length. */
  async close() {
    await this.#stream.send('close', {});
    return (await this.#until('closed')).durable;
  }
}

export class Recording {
  #connection;
  #grant;

  constructor(connection, grant, id) {
    this.#connection = connection;
    this.#grant = grant;
    this.id = id;
  }

  /** Opens a new recording, or the same one again with the same id and nonce. */
  static async open(connection, grant, { id, nonce = randomBytes(16), started = 0, retainUntil = 0, label = '' }) {
    const recording = new Recording(connection, grant, id);
    recording.opened = await connection.request('record.open', {
      grant, recording: id, nonce, started, retainUntil, label,
    }, 'record.opened');
    return recording;
  }

  async #writer(name, fields) {
    const stream = this.#connection.stream();
    await stream.send(name, { grant: this.#grant, recording: this.id, ...fields });
    return new Writer(stream, await stream.next('record.ready'));
  }

  /** Adds a track; track 0 lets the daemon number it. */
  track({ type, label = '', start = 0, track = 0, nonce = randomBytes(16) }) {
    return this.#writer('record.track', { nonce, track, start, type, label });
  }

  /** Takes an unfinished track over. */
  resume(track) {
    return this.#writer('record.resume', { track });
  }

  /** { finished, tracks }. */
  finish() {
    return this.#connection.request('record.finish', { grant: this.#grant, recording: this.id }, 'record.finished');
  }
}
