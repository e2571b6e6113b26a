create table tenants (id bigint primary key);
create table orders (
  id bigint primary key,
  tenant_id bigint not null references tenants,
  no integer,
  placed_at timestamptz,
  total numeric check (total > 10 or total between 0 and 10),
  unique (no, tenant_id)
);
create index orders_recent on orders (placed_at, tenant_id, total);
