create table tenants (id bigint primary key, parent_id bigint references tenants);
create table currencies (code text primary key, added_by bigint references tenants);
create table orders (id bigint primary key, tenant_id bigint not null references tenants);
create table order_lines (id bigint primary key, order_id bigint not null references orders);
create table refunds (id bigint primary key, line bigint references order_lines); -- three hops from its tenant
create table prices (id bigint primary key, currency text references currencies); -- leads to a tenant only by a global table
create table imports (id bigint primary key); -- no longer of a tenant: its exemption is for nothing
create table feeds (id bigint primary key, tenant_ref bigint);
create table events (id bigint, tenant_id bigint) partition by range (id); -- its partition counts with it
create table events_1 partition of events for values from (1) to (2);
create table invoices (id bigint primary key, tenant_id bigint, issued_at date); -- has a rule, which says nothing of its tenant
create index on invoices (issued_at);
