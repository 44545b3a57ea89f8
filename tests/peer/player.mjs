// Playing one recording with every check of PROTOCOL.md section 7: no byte is handed out before its chunk has opened.
import { createHash, timingSafeEqual } from 'node:crypto';
import { CHUNK, TAG, openChunk } from './chunked.mjs';
import { MAX_READ, ProtocolError, segmentRecord } from './wire.mjs';

const sha512 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha512')).digest();

/** h_0 of a track: the hash of its context, with the ids as they are on the wire. */
export function chainStart(recording, track) {
  const number = Buffer.alloc(2);
  number.writeUInt16BE(track);
  return sha512('sealreel v1 chain\0', Buffer.from(recording.replaceAll('-', ''), 'hex'), number);
}

export function chainNext(chain, record) {
  return sha512(chain, segmentRecord.put(record));
}

function must(good, what) {
  if (!good) {
    throw new ProtocolError(what);
  }
}

/** What is known of one track: the newest head, and the segment records that its chain has vouched for. */
class Table {
  constructor(recording, head) {
    this.head = head;
    // Heads must prove right, the older ones too: what play.start asks for is cut off at the first one's length.
    this.unproven = [head];
    this.records = [];
    this.length = 0;
    this.chain = chainStart(recording, head.track);
  }

  /** A newer head may only add. */
  follow(head) {
    const old = this.head;
    must(head.track === old.track, 'the head is another track\'s');
    must(head.segments >= old.segments && head.length >= old.length, 'the track became shorter');
    const grown = head.segments > old.segments;
    must(grown || (head.length === old.length && head.chain.equals(old.chain)), 'the track changed without growing');
    must(old.state === 'unfinished' || (head.state === 'finished' && !grown), 'a finished track changed');
    this.head = head;
    this.unproven.push(head);
  }

  /** Takes records up to the head's last one, all or none: only where a head ends the chain can be compared. */
  add(records) {
    must(this.records.length + records.length === this.head.segments, 'the table is left short of its head');
    let { length, chain } = this;
    const compare = (segments) => this.unproven.filter((head) => head.segments === segments).forEach((head) => {
      must(length === head.length, 'the lengths do not add up to the head\'s');
      must(timingSafeEqual(chain, head.chain), 'the chain does not end in the head\'s');
    });
    compare(this.records.length);
    records.forEach((record, i) => {
      must(record.number === this.records.length + i, `segment ${record.number} is out of order`);
      must(record.offset === length, `segment ${record.number} does not follow the one before`);
      length += record.length;
      chain = chainNext(chain, record);
      compare(record.number + 1);
    });
    this.records.push(...records);
    Object.assign(this, { length, chain, unproven: [] });
  }
}

export class Player {
  #connection;
  #stream;
  #tables = new Map();
  #asked;

  static open(connection, grant, recording) {
    return Player.#opened(connection, 'play.open', { grant, recording });
  }

  /** The same with a first range asked for at once. Nothing else may be asked before started() has come to its end. */
  static async start(connection, grant, recording, { track, from = 0, length = MAX_READ }) {
    const player = await Player.#opened(connection, 'play.start', { grant, recording, track, from, length });
    player.#asked = { track, from, length };
    return player;
  }

  static async #opened(connection, name, fields) {
    const { recording } = fields;
    const player = new Player();
    player.#connection = connection;
    player.#stream = connection.stream();
    await player.#stream.send(name, fields);
    const { entry, heads } = await player.#stream.next('play.opened');
    player.entry = entry;
    await player.#checked(() => {
      must(entry.recording === recording, 'another recording was opened');
      heads.forEach((head, i) => {
        must(head.track === entry.tracks[i].track, 'the heads are not in the order of the tracks');
        must(!player.#tables.has(head.track), `track ${head.track} comes twice`);
        player.#tables.set(head.track, new Table(recording, head));
      });
    });
    return player;
  }

  /** Whoever breaks a "must" is not talked to any longer. */
  async #checked(work) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#connection.fail(error);
      }
      throw error;
    }
  }

  #table(track) {
    const table = this.#tables.get(track);
    if (!table) {
      throw new RangeError(`the recording has no track ${track}`);
    }
    return table;
  }

  /**
   * Brings the track's table up to its head, and, with `wait`, to what comes within a second at the end of an
   * unfinished one. Returns { length, state }, both verified.
   */
  async update(track, { wait = false } = {}) {
    const table = this.#table(track);
    const pending = [];
    const next = () => table.records.length + pending.length;
    await this.#checked(async () => {
      if (wait || next() < table.head.segments) {
        do {
          await this.#pages(table, pending, wait);
        } while (next() < table.head.segments);
      }
      table.add(pending);
    });
    return { length: table.length, state: table.head.state };
  }

  /** All that is missing, in parts and a last page; or where nothing is, one page, which may wait. */
  async #pages(table, pending, wait) {
    const next = () => table.records.length + pending.length;
    const want = next() < table.head.segments ? 2 : Number(wait);
    await this.#stream.send('play.table', { track: table.head.track, from: next(), want });
    await this.#pagesCome(table, pending, want);
  }

  /** What a play.table with `want` brings. */
  async #pagesCome(table, pending, want) {
    const next = () => table.records.length + pending.length;
    let page;
    do {
      page = await this.#stream.next('play.table.reply', ...want === 2 ? ['play.table.part'] : []);
      table.follow(page.head);
      must(page.from === next(), 'the page begins elsewhere');
      must(next() + page.records.length <= page.head.segments, 'the page goes beyond its head');
      must(page.records.length > 0 || next() === page.head.segments, 'the page is empty and not the last');
      pending.push(...page.records);
      must(page.name !== 'play.table.part' || next() < page.head.segments, 'a part goes up to the end');
    } while (page.name === 'play.table.part');
  }

  /**
   * Yields the range that play.start asked for, cut off at the track's length when it was opened, and leaves all of the
   * track's table there. A Refusal that does not end the stream leaves a player like any other.
   */
  async* started() {
    const { track, from, length } = this.#asked;
    const table = this.#tables.get(track);
    if (!table) {
      // Nothing may come but the error.
      await this.#stream.next();
    }
    // The pages bring newer heads.
    const to = Math.max(from, Math.min(from + length, table.head.length));
    await this.#checked(async () => {
      const pending = [];
      await this.#pagesCome(table, pending, 2);
      table.add(pending);
    });
    yield* this.#rangeComes(table, from, to);
  }

  /** Yields the bytes [from, to) of a track, cut to its verified length, chunk by chunk. Call update() first. */
  async* read(track, from = 0, to = Infinity) {
    const table = this.#table(track);
    const end = Math.min(to, table.length);
    for (let at = from; at < end; at += MAX_READ / 8) {
      yield* this.#range(table, at, Math.min(end, at + MAX_READ / 8));
    }
  }

  /** All of [from, to) as one buffer. */
  readAll(track, from, to) {
    return whole(this.read(track, from, to));
  }

  /** All of started() as one buffer. */
  startedAll() {
    return whole(this.started());
  }

  /** One play.read, which lies within the verified table. */
  async* #range(table, from, to) {
    const { track } = table.head;
    await this.#stream.send('play.read', { track, from, length: to - from });
    yield* this.#rangeComes(table, from, to);
  }

  /** What a play.read of [from, to) brings. */
  async* #rangeComes(table, from, to) {
    const { track } = table.head;
    const touched = table.records.filter(({ offset, length }) => from < to && offset < to && offset + length > from);
    try {
      for (const record of touched) {
        const key = await this.#stream.next('play.key');
        must(key.track === track && key.segment === record.number, 'the key is another segment\'s');
        must(timingSafeEqual(key.commitment, record.commitment), 'the key\'s commitment is not the table\'s');
        const first = Math.max(from - record.offset, 0);
        const last = Math.min(to - record.offset, record.length);
        yield* this.#segment(track, record, key, first, last);
      }
      const done = await this.#stream.next('play.done');
      must(done.track === track && done.from === from && done.length === to - from, 'the range is not all there');
    } catch (error) {
      await this.#checked(() => Promise.reject(error));
    }
  }

  /** The bytes [from, to) of one segment, whose bodies come next. */
  async* #segment(track, record, key, from, to) {
    let chunk = Math.floor(from / CHUNK);
    const end = Math.ceil(to / CHUNK);
    while (chunk < end) {
      const body = await this.#stream.next('play.body');
      must(body.track === track && body.segment === record.number, 'the body is another segment\'s');
      must(body.chunk === chunk, `the body begins with chunk ${body.chunk} where ${chunk} is due`);
      for (let at = 0; at < body.raw.length; chunk++) {
        must(chunk < end, 'the body goes beyond the range');
        const begins = chunk * CHUNK;
        const size = Math.min(record.length - begins, CHUNK) + TAG;
        must(at + size <= body.raw.length, 'the body ends within a chunk');
        const plain = openOrRefuse(key, chunk, body.raw.subarray(at, at + size));
        yield plain.subarray(Math.max(from - begins, 0), Math.min(to - begins, plain.length));
        at += size;
      }
    }
  }

  /** Puts a newer grant in the place of the stream's; resolves to when it ends, in seconds. Not in mid-read. */
  async renew(grant) {
    await this.#stream.send('grant.renew', { grant });
    return (await this.#stream.next('grant.renewed')).expires;
  }

  /** Ends the stream; the connection stands. */
  async close() {
    await this.#stream.send('close', {});
    await this.#stream.next('closed');
  }
}

async function whole(parts) {
  const all = [];
  for await (const part of parts) {
    all.push(part);
  }
  return Buffer.concat(all);
}

function openOrRefuse(key, chunk, sealed) {
  try {
    return openChunk(key, chunk, sealed);
  } catch (error) {
    throw new ProtocolError(error.message);
  }
}
