import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { PingMetadata } from '#contracts/calls/ping';
import { Database } from './database';
import { HotClient } from './hot-client';

/** Whether metadata can answer: the connections of pulls are others than those of all else. */
@Controller()
export class PingController {
  constructor(
    private readonly database: Database,
    private readonly hot: HotClient,
  ) {}

  @Answers(PingMetadata)
  async ping() {
    await Promise.all([this.database.read('SELECT 1'), this.hot.query('ping', 'SELECT 1', [])]);
    return {};
  }
}
