import { hostname } from 'node:os';
import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import type { LogFormat, LogLevelName } from '#config/log-level';
import { StartFault } from '#config/start-fault';
import { doing } from '#telemetry/doing';
import { redactSecrets, secretsOf } from './redact-secrets';

const LEVELS: Readonly<Record<LogLevelName, LogLevel[]>> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/** Where the framework tells each step of its own start: a hundred lines, of which none says what the program does. */
const FRAMEWORK = new Set([
  'NestFactory',
  'NestApplication',
  'NestMicroservice',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
]);

export interface LogOptions {
  readonly level: LogLevelName;
  /** `auto`: JSON, but on a terminal. */
  readonly format?: LogFormat;
  /** Which service speaks. */
  readonly service?: string;
  readonly isTerminal?: boolean;
  /** Whose secrets are never said. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The log of a program: a JSON object on each line, or text for people, coloured where a terminal shows it. Each line
 * says which operation and which trace it belongs to, and none has a secret. A start that cannot go on is not said here,
 * with a stack, for whoever runs the program says it in its one line.
 */
export class ProgramLog extends ConsoleLogger {
  private readonly isJson: boolean;
  private readonly service: string;
  private readonly replica = `${hostname()}:${process.pid}`;
  private readonly secrets: readonly string[];

  constructor({ level, format = 'text', service = 'entrepot', isTerminal, env = process.env }: LogOptions) {
    const onTerminal = isTerminal ?? process.stdout.isTTY === true;
    super({ logLevels: LEVELS[level], colors: onTerminal });
    this.isJson = format === 'json' || (format === 'auto' && !onTerminal);
    this.service = service;
    this.secrets = secretsOf(env);
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (FRAMEWORK.has(String(rest.at(-1)))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    if (!(message instanceof StartFault)) super.error(message, ...rest);
  }

  protected override printMessages(
    messages: unknown[],
    context = '',
    level: LogLevel = 'log',
    stream?: 'stdout' | 'stderr',
    stack?: unknown,
  ): void {
    const texts = messages.map((message) => redactSecrets(textOf(message), this.secrets));
    if (this.isJson) this.printLines(texts, context, level, stream, stack);
    else super.printMessages(texts.map(withIds), context, level, stream, stack);
  }

  private printLines(
    texts: readonly string[],
    context: string,
    level: LogLevel,
    stream: 'stdout' | 'stderr' = 'stdout',
    stack: unknown,
  ): void {
    const hidden = typeof stack === 'string' ? redactSecrets(stack, this.secrets) : undefined;
    for (const text of texts) process[stream].write(`${this.line(text, context, level, hidden)}\n`);
  }

  protected override printStackTrace(stack: string): void {
    if (!this.isJson && stack) super.printStackTrace(redactSecrets(stack, this.secrets));
  }

  private line(message: string, context: string, level: LogLevel, stack: string | undefined): string {
    const { request, operation, trace } = doing() ?? {};
    return JSON.stringify({
      time: new Date().toISOString(),
      level: level === 'log' ? 'info' : level,
      service: this.service,
      replica: this.replica,
      ...(request === undefined ? {} : { request }),
      ...(operation === undefined ? {} : { operation }),
      ...(trace === undefined ? {} : { trace: trace.traceId }),
      ...(context === '' ? {} : { context }),
      message,
      ...(stack === undefined ? {} : { stack }),
    });
  }
}

function textOf(message: unknown): string {
  if (message instanceof Error) return message.stack ?? message.message;
  return typeof message === 'string' ? message : (JSON.stringify(message) ?? String(message));
}

function withIds(text: string): string {
  const { request, operation, trace } = doing() ?? {};
  const ids = [
    request && `request ${request}`,
    operation && `operation ${operation}`,
    trace && `trace ${trace.traceId}`,
  ].filter(Boolean);
  return ids.length === 0 ? text : `${text} (${ids.join(', ')})`;
}
