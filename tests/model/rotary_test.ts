/** Rotary frequencies against those of transformers 5.18, whose float32 they must equal bit by bit. */
import { expect } from "@std/expect";
import { parseModelConfig } from "../../src/formats/config.ts";
import { rotaryFrequencies, rotaryTable } from "../../src/model/rotary.ts";
import { TINY_CONFIG } from "../support/checkpoint_generator.ts";

interface Case {
  readonly rope: Readonly<Record<string, unknown>>;
  readonly headDim: number;
  readonly frequencies: readonly number[];
  readonly amplitude: number;
}

// LlamaRotaryEmbedding(config).inv_freq and .attention_scaling, for 512 positions.
const CASES: Readonly<Record<string, Case>> = {
  "linear": {
    "rope": { "factor": 3.0, "rope_theta": 10000.0, "rope_type": "linear" },
    "headDim": 12,
    "frequencies": [
      0.3333333432674408,
      0.07181448489427567,
      0.015471961349248886,
      0.003333333181217313,
      0.0007181447581388056,
      0.00015471964434254915,
    ],
    "amplitude": 1.0,
  },
  "llama3": {
    "rope": {
      "factor": 8.0,
      "high_freq_factor": 4.0,
      "low_freq_factor": 1.0,
      "original_max_position_embeddings": 64,
      "rope_theta": 500000.0,
      "rope_type": "llama3",
    },
    "headDim": 16,
    "frequencies": [
      1.0,
      0.07940301299095154,
      0.004700753837823868,
      0.0009115831344388425,
      0.00017677668074611574,
      3.428102354519069e-05,
      6.647869668086059e-06,
      1.289173155782919e-06,
    ],
    "amplitude": 1.0,
  },
  "yarn": {
    "rope": {
      "factor": 4.0,
      "original_max_position_embeddings": 128,
      "rope_theta": 10000.0,
      "rope_type": "yarn",
    },
    "headDim": 16,
    "frequencies": [
      1.0,
      0.23717081546783447,
      0.04999999701976776,
      0.007905694656074047,
      0.0024999999441206455,
      0.0007905694656074047,
      0.0002500000118743628,
      7.905694656074047e-05,
    ],
    "amplitude": 1.138629436111989,
  },
  "yarn-untruncated": {
    "rope": {
      "attention_factor": 1.1,
      "factor": 4.0,
      "original_max_position_embeddings": 128,
      "rope_theta": 10000.0,
      "rope_type": "yarn",
      "truncate": false,
    },
    "headDim": 16,
    "frequencies": [
      1.0,
      0.22563748061656952,
      0.04270566999912262,
      0.007905694656074047,
      0.0024999999441206455,
      0.0007905694656074047,
      0.0002500000118743628,
      7.905694656074047e-05,
    ],
    "amplitude": 1.1,
  },
  "yarn-mistral": {
    "rope": {
      "beta_fast": 32.0,
      "beta_slow": 1.0,
      "factor": 16.0,
      "mscale": 1.0,
      "mscale_all_dim": 0.5,
      "original_max_position_embeddings": 32,
      "rope_theta": 1000000.0,
      "rope_type": "yarn",
    },
    "headDim": 32,
    "frequencies": [
      1.0,
      0.22402627766132355,
      0.01111424621194601,
      0.004686838481575251,
      0.0019764236640185118,
      0.0008334509329870343,
      0.00035146332811564207,
      0.00014821086369920522,
      6.25000029685907e-05,
      2.6356030502938665e-05,
      1.1114246262877714e-05,
      4.686839019996114e-06,
      1.9764233911701012e-06,
      8.334508834195731e-07,
      3.5146334198543627e-07,
      1.4821085869698436e-07,
    ],
    "amplitude": 1.121751143713058,
  },
};

for (const [name, { rope, headDim, frequencies, amplitude }] of Object.entries(CASES)) {
  Deno.test(`rotaryFrequencies() equals the reference: ${name}`, () => {
    const json = { ...TINY_CONFIG, max_position_embeddings: 512, head_dim: headDim, rope_parameters: rope };
    const config = parseModelConfig(json, "config.json");
    expect([...rotaryFrequencies(config)]).toEqual(frequencies);
    const table = rotaryTable(config, 6);
    const at = (5 * frequencies.length + 1) * 2;
    const angle = Math.fround(5 * frequencies[1]!);
    expect(table[at]).toBeCloseTo(amplitude * Math.cos(angle), 6);
    expect(table[at + 1]).toBeCloseTo(amplitude * Math.sin(angle), 6);
  });
}
