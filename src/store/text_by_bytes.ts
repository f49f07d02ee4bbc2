/** How texts compare in PostgreSQL: as in SQLite. */
import {
  type ColumnDefinitionNode,
  DataTypeNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  RawNode,
} from "kysely";

/**
 * Makes text columns compare by their bytes, as SQLite's do, whatever the database's language is: pages, cursors and
 * searches are then the same on both. Only for migrations, which are written for either.
 */
export class TextByBytes extends OperationNodeTransformer implements KyselyPlugin {
  transformQuery: KyselyPlugin["transformQuery"] = ({ node }) => this.transformNode(node);
  transformResult: KyselyPlugin["transformResult"] = ({ result }) => Promise.resolve(result);

  protected override transformColumnDefinition(node: ColumnDefinitionNode): ColumnDefinitionNode {
    const column = super.transformColumnDefinition(node);
    if (!DataTypeNode.is(column.dataType) || column.dataType.dataType !== "text") return column;
    return { ...column, dataType: RawNode.createWithSql('text collate "C"') };
  }
}
