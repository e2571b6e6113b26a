create table users (id int primary key, tenant_id int);
create table teams (id int primary key, tenant_id int);
create table members (user_id int, team_id int); -- no primary key: samples show the row's place

insert into users values (1, 10), (2, 20), (3, null);
insert into teams values (1, 10), (2, 20), (3, null);
insert into members values
  (1, 1), (2, 2), -- agree
  (3, 3), -- both are NULL: they agree
  (1, 2), (2, 1), -- different
  (1, 3), -- one_null
  (1, 9), (9, null), -- orphan: also where the other link is NULL
  (null, 1); -- no_link
