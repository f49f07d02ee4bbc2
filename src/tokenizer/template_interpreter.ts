/**
 * Chat templates run as the reference implementation runs them, Jinja in Python. The library's interpreter, which this one
 * completes, has JavaScript's ideas of what is equal, of how values are written and of white space, and keeps what a loop
 * sets for its next turn. Where templates leave both, errors are plain ones in words that say what the template does.
 */
import { Environment, Interpreter } from "@huggingface/jinja";
import { contains, filtered, test } from "./template_filters.ts";
import { type Arguments, formatted, METHODS } from "./template_strings.ts";
import {
  asEntries,
  asItems,
  asNumber,
  asText,
  boolean,
  calculated,
  callable,
  compare,
  equal,
  integer,
  isTrue,
  isUndefined,
  itemsOf,
  list,
  mapping,
  type Run,
  sizeOf,
  text,
  tuple,
  undefinedValue,
  type Value,
  VISIT,
  written,
} from "./template_values.ts";

export type Statement = Parameters<Interpreter["evaluate"]>[0];
/** A syntax node, of which only the type is known before it is looked at. */
type Node = NonNullable<Statement> & Record<string, unknown>;

/** Where a loop is left, or goes on. */
class LoopSignal extends Error {
  constructor(readonly leaves: boolean) {
    super(`it has {% ${leaves ? "break" : "continue"} %} outside of a loop`);
  }
}

export abstract class TemplateInterpreter extends Interpreter {
  /** A step of one syntax node, or so many. */
  protected abstract count(steps: number): void;
  /** So much text, or so many items, are produced or looked at. */
  protected abstract spend(amount: number): void;

  readonly #run: Run;

  /** `plain`: a text as it is compared, see {@link Run}. */
  constructor(environment: Environment, plain: Run["plain"]) {
    super(environment);
    this.#run = { spend: (amount) => this.spend(amount), plain };
  }

  override evaluate(statement: Statement, environment: Environment): Value {
    this.count(1);
    const value = statement === undefined ? undefinedValue() : this.#evaluate(statement as Node, environment);
    this.spend(sizeOf(value));
    return value;
  }

  #evaluate(node: Node, environment: Environment): Value {
    switch (node.type) {
      case "Evaluated":
        return node.result as Value;
      case "Program":
      case "Block":
        return text(this.#text(node.body as Node[], environment));
      case "BinaryExpression":
        return this.#binary(node, environment);
      case "TestExpression":
        return this.#test(node, environment);
      case "FilterExpression": {
        const operand = this.evaluate(node.operand as Node, environment);
        return this.#filter(operand, node.filter as Node, environment);
      }
      case "MemberExpression":
        return this.#member(node, this.evaluate(node.object as Node, environment), environment);
      case "CallExpression":
        return this.#call(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  #text(body: readonly Node[], environment: Environment): string {
    const out: string[] = [];
    this.#write(body, environment, out);
    return out.join("");
  }

  /** Writes what the statements give, up to where one leaves a loop. */
  #write(body: readonly Node[], environment: Environment, out: string[]): void {
    for (const node of body) {
      switch (node.type) {
        case "If": {
          this.count(1);
          const holds = isTrue(this.evaluate(node.test as Node, environment));
          this.#write((holds ? node.body : node.alternate) as Node[], environment, out);
          break;
        }
        case "For":
          this.count(1);
          this.#loop(node, environment, out);
          break;
        case "Break":
        case "Continue":
          throw new LoopSignal(node.type === "Break");
        case "Set": {
          const value = node.value === null
            ? text(this.#text(node.body as Node[], environment))
            : this.evaluate(node.value as Node, environment);
          const items = (node.assignee as Node).type === "TupleLiteral" ? itemsOf(value) : undefined;
          const given = evaluated(items === undefined ? value : list(items));
          super.evaluate({ ...node, value: given } as Node, environment);
          break;
        }
        case "Macro":
          this.#macro(node, environment);
          break;
        case "CallStatement":
          this.count(nodesOf(node));
          out.push(written(super.evaluate(withBlock(node), environment), this.#run));
          break;
        case "FilterStatement": {
          const body = text(this.#text(node.body as Node[], environment));
          out.push(written(this.#filter(body, node.filter as Node, environment), this.#run));
          break;
        }
        case "Comment":
          break;
        default: {
          const value = this.evaluate(node, environment);
          out.push(written(value, this.#run));
        }
      }
    }
  }

  #loop(node: Node, environment: Environment, out: string[]): void {
    const { type, lhs, test: condition } = node.iterable as Node;
    const iterable = this.evaluate((type === "SelectExpression" ? lhs : node.iterable) as Node, environment);
    const all = itemsOf(iterable);
    if (all === undefined) throw new Error(`it goes through a value of type ${iterable.type}`);
    this.count(all.length);
    const turn = (item: Value) => {
      const scope = new Environment(environment);
      bind(node.loopvar as Node, item, scope);
      return scope;
    };
    const items = type !== "SelectExpression"
      ? all
      : all.filter((item) => isTrue(this.evaluate(condition as Node, turn(item))));
    let isPassed = false;
    let last: readonly Value[] | undefined;
    for (const [index, item] of items.entries()) {
      const scope = turn(item);
      const changed = (values: readonly Value[]) => {
        const before = last;
        last = values;
        return before === undefined || !equal(list(before), list(values), this.#run);
      };
      scope.setVariable("loop", loopOf(items, index, changed));
      try {
        this.#write(node.body as Node[], scope, out);
        isPassed = true;
      } catch (signal) {
        if (!(signal instanceof LoopSignal)) throw signal;
        if (signal.leaves) break;
      }
    }
    // As in Jinja, also where every turn was left early.
    if (!isPassed) this.#write(node.defaultBlock as Node[], new Environment(environment), out);
  }

  /** A macro sees what is around its definition, not what is around its calls, apart from `caller`. */
  #macro(node: Node, environment: Environment): void {
    this.count(nodesOf(node));
    super.evaluate(withBlock(node), environment);
    const name = (node.name as Node).value as string;
    const call = environment.lookupVariable(name).value as (args: Value[], scope: Environment) => Value;
    environment.setVariable(
      name,
      callable((args, around) => {
        const scope = new Environment(environment);
        const caller = around.variables.get("caller");
        if (caller !== undefined) scope.setVariable("caller", caller);
        return call(args, scope);
      }),
    );
  }

  #binary(node: Node, environment: Environment): Value {
    const operator = (node.operator as { readonly value: string }).value;
    const left = this.evaluate(node.left as Node, environment);
    if (operator === "and" || operator === "or") {
      return isTrue(left) === (operator === "and") ? this.evaluate(node.right as Node, environment) : left;
    }
    const right = this.evaluate(node.right as Node, environment);
    switch (operator) {
      case "==":
        return boolean(equal(left, right, this.#run));
      case "!=":
        return boolean(!equal(left, right, this.#run));
      case "in":
        return boolean(contains(right, left, this.#run));
      case "not in":
        return boolean(!contains(right, left, this.#run));
      case "~":
        return text(written(left, this.#run) + written(right, this.#run));
      case "<":
        return boolean(compare(left, right, this.#run) < 0);
      case "<=":
        return boolean(compare(left, right, this.#run) <= 0);
      case ">":
        return boolean(compare(left, right, this.#run) > 0);
      case ">=":
        return boolean(compare(left, right, this.#run) >= 0);
    }
    const [own, other] = [asText(left), asText(right)];
    if (operator === "%" && own !== undefined) return text(formatted(own, right, this.#run));
    if (operator === "+" && own !== undefined && other !== undefined) return text(own + other);
    const [items, others] = [asItems(left), asItems(right)];
    const isJoined = left.type === right.type && left.type !== "Iterator";
    if (operator === "+" && items !== undefined && others !== undefined && isJoined) {
      return (left.type === "TupleValue" ? tuple : list)([...items, ...others]);
    }
    const [a, b] = [asNumber(left), asNumber(right)];
    if (a !== undefined && b !== undefined) return calculated(operator, [left, a], [right, b]);
    if (operator === "*") return this.#repeated(a === undefined ? left : right, a ?? b);
    throw new Error(`it has ${operator} between ${left.type} and ${right.type}`);
  }

  #repeated(value: Value, times: number | undefined): Value {
    const count = Math.max(0, times ?? NaN);
    const [own, items] = [asText(value), asItems(value)];
    const { length } = own ?? items ?? [];
    if (!Number.isSafeInteger(count) || (own ?? items) === undefined) {
      throw new Error(`it has * with ${value.type}`);
    }
    this.spend(length * count);
    if (own !== undefined) return text(own.repeat(count));
    return (value.type === "TupleValue" ? tuple : list)(Array.from({ length: count }, () => items!).flat());
  }

  #test(node: Node, environment: Environment): Value {
    const operand = this.evaluate(node.operand as Node, environment);
    const holds = test((node.test as Node).value as string, operand, [], this.#run);
    if (holds !== undefined) return boolean(holds !== node.negate);
    return super.evaluate({ ...node, operand: evaluated(operand) } as Node, environment);
  }

  #filter(operand: Value, filter: Node, environment: Environment): Value {
    const isCall = filter.type === "CallExpression";
    const name = (isCall ? filter.callee as Node : filter).value as string;
    const args = this.#arguments(isCall ? filter.args as Node[] : [], environment);
    const context = {
      run: this.#run,
      filter: (name: string, value: Value, args: Arguments): Value => {
        this.count(1);
        for (const each of [value, ...args.positional, ...args.named.values()]) this.spend(sizeOf(each));
        const result = filtered(name, value, args, context) ??
          super.evaluate(filterNode(value, { type: "Identifier", value: name } as Node), environment);
        this.spend(sizeOf(result) + VISIT * (asItems(result)?.length ?? 0));
        return result;
      },
    };
    const own = filtered(name, operand, args, context);
    const result = own ?? super.evaluate(filterNode(operand, filter), environment);
    this.spend(VISIT * (asItems(result)?.length ?? 0)); // what is made of many values costs more than to look it up
    return result;
  }

  #member(node: Node, object: Value, environment: Environment): Value {
    // As in the reference implementation, and unlike in the library, what is undefined has no members.
    if (isUndefined(object)) throw new Error("it looks for a member of something undefined");
    const own = asText(object);
    const isSlice = node.computed === true && (node.property as Node).type === "SliceExpression";
    if (isSlice && object.type === "Iterator") throw new Error("it looks into what is given one by one");
    if (isSlice && object.type === "TupleValue") {
      return tuple(asItems(super.evaluate({ ...node, object: evaluated(object) } as Node, environment))!);
    }
    if (object.type === "Iterator") return undefinedValue();
    if (node.computed === true && own !== undefined && !isSlice) {
      const index = this.evaluate(node.property as Node, environment);
      if (index.type !== "IntegerValue") return undefinedValue();
      const character = Array.from(own).at(index.value as number);
      return character === undefined ? undefinedValue() : text(character);
    }
    return super.evaluate({ ...node, object: evaluated(object) } as Node, environment);
  }

  #call(node: Node, environment: Environment): Value {
    const callee = node.callee as Node;
    if (callee.type !== "MemberExpression") return super.evaluate(node, environment);
    const object = this.evaluate(callee.object as Node, environment);
    const own = asText(object);
    const name = callee.computed === true ? undefined : (callee.property as Node).value as string;
    const method = own === undefined || name === undefined ? undefined : METHODS.get(name);
    if (method !== undefined) {
      const result = method(own!, this.#arguments(node.args as Node[], environment), this.#run);
      this.spend(VISIT * (asItems(result)?.length ?? 0));
      return result;
    }
    if (name === "items" && asEntries(object)?.get(name) === undefined && object.type === "ObjectValue") {
      return list([...asEntries(object)!].map(([key, value]) => tuple([text(key), value])));
    }
    const member = this.#member(callee, object, environment);
    return super.evaluate({ ...node, callee: evaluated(member) } as Node, environment);
  }

  #arguments(nodes: readonly Node[], environment: Environment): Arguments {
    const positional: Value[] = [];
    const named = new Map<string, Value>();
    for (const node of nodes) {
      if (node.type === "KeywordArgumentExpression") {
        named.set((node.key as Node).value as string, this.evaluate(node.value as Node, environment));
      } else if (node.type === "SpreadExpression") {
        positional.push(...itemsOf(this.evaluate(node.argument as Node, environment)) ?? []);
      } else positional.push(this.evaluate(node, environment));
    }
    return { positional, named };
  }
}

/** What has been evaluated already, in the place of what gave it. */
function evaluated(result: Value): Node {
  return { type: "Evaluated", result };
}

const nodeCounts = new WeakMap<object, number>();

/** How many nodes a macro has: the library looks through all of them wherever it is defined. */
function nodesOf(node: object): number {
  const known = nodeCounts.get(node);
  if (known !== undefined) return known;
  const parts = node instanceof Map ? [...node].flat() : Object.values(node);
  const count = parts.reduce(
    (sum: number, part: unknown) => typeof part === "object" && part !== null ? sum + nodesOf(part) : sum,
    1,
  );
  nodeCounts.set(node, count);
  return count;
}

function filterNode(operand: Value, filter: Node): Node {
  return { type: "FilterExpression", operand: evaluated(operand), filter } as Node;
}

/** With its body as one block, which is run here. The library looks through it for names, so it stays one of its nodes. */
function withBlock(node: Node): Node {
  const block = Object.assign(Object.create(Object.getPrototypeOf(node)), { type: "Block", body: node.body });
  return { ...node, body: [block] } as Node;
}

function bind(target: Node, value: Value, scope: Environment): void {
  if (target.type === "Identifier") return void scope.setVariable(target.value as string, value);
  const names = target.value as Node[];
  const items = itemsOf(value);
  if (items?.length !== names.length) {
    throw new Error(`it takes ${names.length} values apart where there are ${items?.length ?? "none"}`);
  }
  names.forEach((name, index) => bind(name, items[index]!, scope));
}

function loopOf(
  items: readonly Value[],
  index: number,
  changed: (values: readonly Value[]) => boolean,
): Value {
  const { length } = items;
  return mapping([
    ["index", integer(index + 1)],
    ["index0", integer(index)],
    ["revindex", integer(length - index)],
    ["revindex0", integer(length - index - 1)],
    ["first", boolean(index === 0)],
    ["last", boolean(index === length - 1)],
    ["length", integer(length)],
    ["depth", integer(1)],
    ["depth0", integer(0)],
    ["previtem", items[index - 1] ?? undefinedValue()],
    ["nextitem", items[index + 1] ?? undefinedValue()],
    ["cycle", callable((args) => args[index % args.length] ?? undefinedValue())],
    ["changed", callable((args) => boolean(changed(args)))],
  ]);
}
