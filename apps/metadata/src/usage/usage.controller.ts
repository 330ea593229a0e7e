import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { DescribeBlob, ListSharedLayers } from '#contracts/calls/references';
import { ReadUsage } from '#contracts/calls/usage';
import type { QuestionOf } from '#contracts/define-call';
import { BlobReferencesStore } from '../blob/blob-references.store';
import { SharedLayersStore } from '../image/shared-layers.store';
import { UsageStore } from './usage.store';

/** Bytes: how many there are, who uses them, and together with whom. */
@Controller()
export class UsageController {
  constructor(
    private readonly usage: UsageStore,
    private readonly blobs: BlobReferencesStore,
    private readonly shared: SharedLayersStore,
  ) {}

  @Answers(ReadUsage)
  read(question: QuestionOf<typeof ReadUsage>) {
    return this.usage.read(question);
  }

  @Answers(DescribeBlob)
  describe({ digest }: QuestionOf<typeof DescribeBlob>) {
    return this.blobs.describe(digest);
  }

  @Answers(ListSharedLayers)
  listShared(question: QuestionOf<typeof ListSharedLayers>) {
    return this.shared.list(question);
  }
}
