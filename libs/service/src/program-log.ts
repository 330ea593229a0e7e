import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import type { LogLevelName } from '#config/log-level';
import { StartFault } from '#config/start-fault';

const LEVELS: Readonly<Record<LogLevelName, LogLevel[]>> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/**
 * The log of a program: coloured where a terminal shows it, and nowhere else. A start that cannot go on is not said
 * here, with a stack, for whoever runs the program says it in its one line.
 */
export class ProgramLog extends ConsoleLogger {
  constructor(level: LogLevelName, isTerminal: boolean = process.stdout.isTTY === true) {
    super({ logLevels: LEVELS[level], colors: isTerminal });
  }

  override error(message: unknown, ...rest: unknown[]): void {
    if (!(message instanceof StartFault)) super.error(message, ...rest);
  }
}
