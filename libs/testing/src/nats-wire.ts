import { connect, type Socket } from 'node:net';

export interface WireMessage {
  readonly subject: string;
  readonly body: string;
}

/**
 * The NATS protocol as a person with a socket speaks it. Every call ends with PING, so that what the server says
 * against it was heard when PONG comes: `publish` and `subscribe` give the error, or undefined.
 */
export class NatsWire {
  private rest = '';
  private errors: string[] = [];
  private messages: WireMessage[] = [];
  private listener: { hear(message: WireMessage): void; fail(error: Error): void } | undefined;
  private pong: (() => void) | undefined;
  private ended: ((error: Error) => void) | undefined;
  private sid = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly inboxes: string,
  ) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.read(text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const error = new Error(`closed: ${this.errors.join('; ')}`);
      this.ended?.(error);
      this.listener?.fail(error);
    });
  }

  /** `inboxes`: the beginning of the subjects that answers come to. */
  static async connect(url: string, inboxes = '_INBOX'): Promise<NatsWire> {
    const { hostname, port, username, password } = new URL(url);
    const wire = new NatsWire(connect(Number(port), hostname), inboxes);
    const names = username ? { user: username, pass: password } : {};
    await wire.send(`CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, ...names })}\r\n`);
    return wire;
  }

  publish(subject: string, body = '{}', reply = ''): Promise<string | undefined> {
    return this.send(`PUB ${[subject, reply].filter(Boolean).join(' ')} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  }

  publishWith(headers: Readonly<Record<string, string>>, subject: string, body: string): Promise<string | undefined> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `NATS/1.0\r\n${lines.join('')}\r\n`;
    const sizes = `${Buffer.byteLength(head)} ${Buffer.byteLength(head) + Buffer.byteLength(body)}`;
    return this.send(`HPUB ${subject} ${sizes}\r\n${head}${body}\r\n`);
  }

  subscribe(subject: string): Promise<string | undefined> {
    this.sid += 1;
    return this.send(`SUB ${subject} ${this.sid}\r\n`);
  }

  /** The next message of any subscription. */
  message(): Promise<WireMessage> {
    const waiting = this.messages.shift();
    if (waiting) return Promise.resolve(waiting);
    if (this.socket.destroyed) return Promise.reject(new Error('closed'));
    return new Promise((resolve, reject) => {
      this.listener = { hear: resolve, fail: reject };
    });
  }

  /** The JSON of the first answer. */
  async request(subject: string, body: object): Promise<unknown> {
    return JSON.parse(await this.ask(subject, JSON.stringify(body)));
  }

  /** The body of the first answer, as it is. */
  async ask(subject: string, body: string): Promise<string> {
    await this.inquire(subject, body);
    return this.answer();
  }

  /** The JSON of every answer, up to one that is empty. */
  async requestMany(subject: string, body: object): Promise<unknown[]> {
    await this.inquire(subject, JSON.stringify(body));
    const answers: unknown[] = [];
    for (let text = await this.answer(); text !== ''; text = await this.answer()) answers.push(JSON.parse(text));
    return answers;
  }

  /** Whether the server, or we, ended it. */
  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  close(): void {
    this.socket.destroy();
  }

  private async answer(): Promise<string> {
    return (await this.message()).body;
  }

  private async inquire(subject: string, body: string): Promise<void> {
    const inbox = `${this.inboxes}.${Math.random().toString(36).slice(2)}`;
    await this.subscribe(inbox);
    const fault = await this.publish(subject, body, inbox);
    if (fault) throw new Error(fault);
  }

  private async send(text: string): Promise<string | undefined> {
    if (this.socket.destroyed) throw new Error('closed');
    this.errors = [];
    const answered = new Promise<void>((resolve, reject) => {
      this.pong = resolve;
      this.ended = reject;
    });
    this.socket.write(`${text}PING\r\n`);
    await answered;
    return this.errors[0];
  }

  private read(text: string): void {
    this.rest += text;
    for (;;) {
      const end = this.rest.indexOf('\r\n');
      if (end === -1) return;
      const words = this.rest.slice(0, end).split(' ');
      const size = /^H?MSG$/.test(words[0] ?? '') ? Number(words.at(-1)) + 2 : 0;
      if (this.rest.length < end + 2 + size) return;
      const payload = this.rest.slice(end + 2, end + 2 + Math.max(0, size - 2));
      this.rest = this.rest.slice(end + 2 + size);
      this.take(words, payload);
    }
  }

  private take(words: string[], payload: string): void {
    if (words[0] === 'PONG') this.pong?.();
    if (words[0] === 'PING') this.socket.write('PONG\r\n');
    if (words[0] === '-ERR') this.errors.push(words.slice(1).join(' '));
    if (words[0] === 'MSG') this.hear({ subject: words[1] ?? '', body: payload });
    // HMSG <subject> <sid> [reply] <bytes of headers> <bytes of all>; bodies here are ASCII
    if (words[0] === 'HMSG') this.hear({ subject: words[1] ?? '', body: payload.slice(Number(words.at(-2))) });
  }

  private hear(message: WireMessage): void {
    const listener = this.listener;
    this.listener = undefined;
    if (listener) listener.hear(message);
    else this.messages.push(message);
  }
}
