create table tenants (id bigint primary key, parent_id bigint references tenants);
create table currencies (code text primary key, added_by bigint references tenants);
create table prices (id bigint primary key, currency text references currencies);
create table orders (id bigint primary key, tenant_id bigint not null references tenants);
create table order_lines (id bigint primary key, order_id bigint not null references orders);
create table imports (id bigint primary key, tenant_ref bigint);
create table invoices (id bigint primary key, issued_at date);
create index on invoices (issued_at);
