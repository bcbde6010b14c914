export const LAYERS = ['pgtable', 'iommu'] as const;
/** Which of the two descriptions of the same operations a recording holds: raw io-pgtable calls, or the IOMMU core's requests. */
export type Layer = (typeof LAYERS)[number];

export const DOMAIN_KEYS = ['comm', 'pid', 'dev'] as const;
/** What tells address spaces apart where a recording names none: the command, the pid as it is shown (of a thread), or the device of its `dma:*` events. */
export type DomainKey = (typeof DOMAIN_KEYS)[number];

export interface ImportOptions {
  /** Null: the raw calls when the recording has them, else the requests. */
  readonly layer: Layer | null;
  /** How requests without a key are told apart; null: by the device where `dma:*` events name it, else inferred. */
  readonly domainBy?: DomainKey | null;
  /** Requests without a key all go into one address space. */
  readonly singleDomain?: boolean;
  /** Join lines that a mail program has wrapped, and take its quote marks off; null: where the beginning looks like it. */
  readonly unwrap?: boolean | null;
  /** Names of fields of `key=value` lines: ours to theirs. */
  readonly fieldMap?: Readonly<Record<string, string>>;
}
