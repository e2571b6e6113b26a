create table users (id int primary key, tenant_id int);
create table teams (id int primary key, tenant_id int);
create table members (user_id int, team_id int); -- no primary key: samples show the row's place

insert into users values (1, 10), (2, 20);
insert into teams values (1, 10), (2, 20);
insert into members values (1, 1), (2, 2), (null, 1);
