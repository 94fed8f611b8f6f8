"""What users of load balancers of this kind rely on, each with the tests that prove it.

Whoever asks whether something is kept, or whether a test may go, looks here. A test of this table says that all of them
exist. What is left out on purpose is not here; `docs/explanation/decisions.md` has it.
"""

API = "integration/api"
INSTANCE = "integration/pool_executor"
HAPROXY = "integration/template"
LISTENER = "unit/api/mesos_listener"
POOL = "unit/scheduler/pools"
SELECT = "unit/api/dcos_template/test_select.py"

THE_API: dict[str, tuple[str, ...]] = {
    "everything answers below /service/edgelb": (
        f"{API}/test_errors.py::test_everything_is_served_below_the_prefix_too",
    ),
    "the version is told as text": (f"{API}/test_errors.py::test_version_liveness_readiness_and_metrics",),
    "/config lists pools of both versions, /pools/<name> one": (
        f"{API}/test_v1.py::test_every_version_shows_what_was_written_in_version_1_and_2_only_shows_what_was_written_in_2",
    ),
    "a new pool is answered with its defaults": (
        f"{API}/test_pools.py::test_create_answers_200_with_the_defaults_filled_in_and_an_etag",
    ),
    "what is read is what was written": (f"{API}/test_pools.py::test_what_is_read_can_be_written_back_unchanged",),
    "users have roles: readers, operators of some pools, admins": (
        f"{API}/test_users.py::test_every_route_is_asked_by_everybody",
        f"{API}/test_users.py::test_an_operator_changes_his_pools_and_no_others",
    ),
    "an update reloads or relaunches as due": (
        "unit/scheduler/test_service.py::test_a_change_is_classified_by_what_it_asks_of_running_instances",
        "e2e/test_cli.py::test_an_update_shows_in_the_traffic",
    ),
    "a deleted pool leaves nothing": ("e2e/test_changes.py::test_deleting_a_pool_leaves_nothing_of_it",),
    "delete works on damaged pools": (
        f"{API}/test_pools.py::test_a_node_that_is_no_pool_spoils_only_itself",
        f"{API}/test_v1.py::test_a_damaged_pool_can_be_replaced_and_deleted",
    ),
    "pools of version 1 are written and shown as such": (
        f"{API}/test_v1.py::test_a_pool_is_created_shown_replaced_and_deleted_in_version_1",
        f"{POOL}/v1/test_round_trip.py::test_both_versions_show_the_same_pool_whichever_way_it_goes",
    ),
    "PUT /v1/all replaces every pool of version 1": (
        f"{API}/test_v1.py::test_the_whole_configuration_is_replaced_at_once",
    ),
    "artifacts of version 1 are got, put and deleted": (
        f"{API}/test_v1.py::test_the_artifact_of_a_pool_is_its_rendered_configuration",
        f"{API}/test_lb_templates.py::test_pools_of_version_1_have_templates_as_artifacts",
    ),
    "lbconfig is what runs": ("e2e/test_cli.py::test_lb_config_is_what_the_instances_serve",),
    "HAProxy templates of pools": (
        f"{API}/test_lb_templates.py::test_the_default_template_is_that_of_every_pool_until_it_has_its_own",
        f"{API}/test_lb_templates.py::test_what_haproxy_refuses_is_not_stored_and_names_the_line",
        f"{HAPROXY}/test_lb_templates.py::test_what_no_field_says_is_served",
    ),
    "metadata has an endpoint for each instance": (
        "unit/api/test_metadata.py::test_an_instance_that_speaks_is_listed_once",
        "e2e/test_cli.py::test_endpoints_are_where_the_pool_answers",
    ),
    "unknown pools are 404": (f"{API}/test_pools.py::test_a_missing_pool_is_not_found_whatever_one_wants_of_it",),
    "metadata before the first instance is 504": (
        f"{API}/test_runtime.py::test_metadata_before_the_first_instance_is_504_with_the_documented_text",
    ),
    "a pool that is created while the one before leaves is another one": (
        f"{API}/test_runtime.py::test_what_is_left_of_a_deleted_pool_says_nothing_of_one_that_was_created_again",
        f"{API}/test_store.py::test_a_pool_that_is_deleted_and_created_again_is_told_as_the_new_one",
    ),
    "pool templates are made, listed and deleted": (
        f"{API}/test_pool_templates.py::test_a_template_is_made_shown_and_deleted",
    ),
    "texts of pool templates are stored and reset": (
        f"{API}/test_pool_templates.py::test_a_text_is_stored_shown_and_reset",
    ),
    "the status of a pool template": (
        f"{API}/test_pool_templates.py::test_the_status_is_what_the_template_process_tells",
    ),
    "errors are a code and a message with the field": (
        f"{API}/test_pools.py::test_a_pool_that_breaks_a_rule_gets_400_with_path_and_rule",
        f"{API}/test_errors.py::test_who_asks_for_problem_json_gets_rfc_9457",
        f"{API}/test_errors.py::test_the_list_of_errors_ends_and_counts_the_rest",
    ),
    "a name that is none is refused in the known words": (
        f"{POOL}/test_schema.py::test_each_field_accepts_what_it_may_hold_and_refuses_the_rest_by_its_path",
    ),
    "the token is taken in query and header": (
        f"{API}/test_pools.py::test_the_token_is_accepted_in_query_and_header_and_never_logged",
    ),
    "behind an Admin Router a tenant with one pool can use only that": (
        f"{API}/test_admin_router.py::test_a_permission_is_enough_for_what_it_names",
        f"{API}/test_admin_router.py::test_nothing_else_is_reached",
        f"{API}/test_admin_router.py::test_no_way_of_writing_a_path_leads_to_the_pool_of_another",
    ),
    "YAML is read, at the API and from files": (
        f"{API}/test_errors.py::test_a_pool_may_be_written_in_yaml",
        f"{API}/test_errors.py::test_broken_yaml_gets_what_is_wrong_and_where",
        f"{API}/test_cli.py::test_yaml_files_are_taken_too_and_can_be_converted",
    ),
    "zero is kept, null is absent": (
        f"{POOL}/test_schema.py::test_null_means_absent_as_in_the_product",
        f"{POOL}/test_stored.py::test_only_what_differs_from_the_defaults_is_written",
    ),
    "unknown fields are refused with a suggestion": (
        f"{POOL}/test_schema.py::test_an_unknown_field_is_refused_with_a_guess_at_what_was_meant",
    ),
    "problems are told in the order of what was written": (
        f"{API}/test_errors.py::test_errors_are_told_in_the_order_of_what_was_written",
    ),
    "lost updates are refused": (
        f"{API}/test_pools.py::test_update_counts_the_etag_up_and_if_match_guards_it",
        f"{API}/test_required_conditions.py::test_a_change_that_says_nothing_is_refused_and_changes_nothing",
        f"{API}/test_cli.py::test_of_two_people_who_edit_what_they_were_shown_the_second_is_refused",
    ),
    "what HAProxy refuses is told with its field and not stored": (
        f"{API}/test_validate.py::test_what_haproxy_refuses_is_never_stored",
        f"{API}/test_validate.py::test_what_haproxy_refuses_is_told_with_the_field",
    ),
    "a change is rehearsed": (
        f"{API}/test_rehearsals.py::test_a_rehearsed_update_tells_fields_configuration_and_instances",
    ),
    "where a request goes is explained": (f"{API}/test_cli.py::test_explain_tells_where_a_request_goes_and_why",),
    "the data plane survives the loss of any process": (
        "e2e/test_kill_anything.py::test_a_control_process_that_is_killed_costs_no_request_and_comes_back",
        "e2e/test_kill_anything.py::test_a_killed_zookeeper_costs_no_request_and_changes_are_followed_again",
    ),
    "any request gets a documented answer": (f"{API}/test_openapi.py::test_no_request_meets_an_unexpected_error",),
}

INSTANCES: dict[str, tuple[str, ...]] = {
    "instances run on public agents by default, and under other roles": (
        "unit/scheduler/test_service.py::test_roles_refine_the_pools_role",
        "simulation/test_deploy.py::test_prereserved_role_is_refined_and_only_public_agents_are_used",
        "unit/sdk/offer/test_evaluate.py::test_role_star_launches_without_a_reservation",
    ),
    "resources are the sums with the overheads": (
        "unit/scheduler/test_service.py::test_resources_are_the_pools_with_its_overheads",
    ),
    "count goes up and down": (
        "e2e/test_scaling.py::test_growing_and_shrinking_costs_the_surviving_instance_no_request",
    ),
    "constraints of Marathon": (
        "e2e/test_constraints.py::test_of_three_instances_on_two_public_agents_the_third_says_why_it_waits",
        "e2e/test_constraints.py::test_instances_spread_over_an_attribute",
        f"{POOL}/test_constraints.py::test_each_spelling_is_understood",
        "unit/sdk/offer/test_placement.py::test_each_operator_judges",
        f"{POOL}/test_constraints.py::test_what_is_no_constraint_is_refused",
    ),
    "instances run in their regions and zones": (
        "e2e/test_domains.py::test_instances_run_in_their_regions_and_zones",
        "e2e/test_domains.py::test_a_region_that_no_agent_is_in_is_named",
    ),
    "exactly the ports of `ports` are allocated, and frontends come and go on them": (
        "unit/scheduler/test_service.py::test_ports_allocated_ahead_are_named_by_number_so_that_new_frontends_relaunch_nothing",
        f"{POOL}/test_checks.py::test_ports_when_given_hold_every_listener",
    ),
    "secrets become files, are renewed, and are private": (
        "e2e/test_secrets.py::test_a_pool_serves_with_a_secret_that_is_renewed_and_lost",
        "e2e/test_secrets.py::test_a_pool_may_not_have_the_secrets_of_others",
    ),
    "variables reach HAProxy and no view of Mesos": (
        "unit/scheduler/test_service.py::test_variables_reach_the_executor_and_no_view_of_mesos",
        f"{POOL}/test_hidden.py::test_no_message_holds_a_value",
    ),
    "$AUTOCERT is good for ten years, with a key of its own": (
        f"{INSTANCE}/test_tls.py::test_an_instance_makes_a_certificate_of_its_own",
        "unit/pool_executor/lbmgr/test_autocert.py::test_it_is_good_for_ten_years_and_a_key_of_its_own_each_time",
    ),
    "virtual networks with labels": (
        "e2e/test_networks.py::test_instances_serve_the_same_port_at_addresses_of_their_own",
        "unit/sdk/mesos/test_calls.py::test_a_container_is_what_mesos_reads_as_one",
        "simulation/test_networks.py::test_the_addresses_are_those_that_mesos_tells",
    ),
    "namespace and package version are kept": (f"{API}/test_pools.py::test_what_has_no_effect_is_told_in_a_header",),
    "the principal of a pool is that of the framework": (
        f"{API}/test_pools.py::test_a_pool_of_another_principal_is_refused_with_the_frameworks",
    ),
    "the health of an instance is checked as the pool says": (
        "unit/scheduler/test_service.py::test_the_executor_learns_where_and_what",
        "unit/pool_executor/lbmgr/test_health.py::test_the_allowed_failures_in_a_row_end_the_task",
    ),
    "a pool has its own time to drain": ("unit/scheduler/test_service.py::test_a_pool_may_have_its_own_time_to_drain",),
    "statistics listen where the pool says": (
        f"{HAPROXY}/test_routing.py::test_statistics_are_for_other_hosts_only_if_the_pool_says_so",
        f"{HAPROXY}/test_frontends.py::test_frontends_listen_on_ipv6",
    ),
    "two pools on one agent have ports of their own": (
        "e2e/test_constraints.py::test_two_pools_on_one_agent_have_ports_of_their_own",
    ),
    "a fixed port becomes a dynamic one and back": (
        "e2e/test_scaling.py::test_a_frontend_gets_the_fixed_port_and_gives_it_back",
    ),
    "instances are replaced one at a time, on the same agent": (
        "e2e/test_scaling.py::test_a_change_of_resources_replaces_one_instance_after_the_other",
        "simulation/test_update.py::test_update_stays_on_the_same_agents",
    ),
    "a relaunch drains, and costs two instances no request": (
        "integration/drain/test_deployments.py::test_a_rolling_deployment",
        f"{INSTANCE}/test_draining.py::test_every_instance_may_be_replaced_and_no_request_is_lost",
    ),
    "the next task of an instance comes first where there is a place": (
        "e2e/test_networks.py::test_one_instance_is_replaced_without_a_gap",
        "e2e/test_scaling.py::test_a_single_instance_with_free_ports_is_replaced_without_a_gap",
    ),
    "metrics of HAProxy and lbmgr at one place, and HAProxy's without lbmgr": (
        f"{INSTANCE}/test_metrics.py::test_both_are_told_at_one_place",
        f"{INSTANCE}/test_metrics.py::test_a_lbmgr_that_hangs_hides_nothing_of_haproxy",
        f"{INSTANCE}/test_metrics.py::test_a_socket_that_is_gone_costs_no_answer",
        f"{HAPROXY}/test_metrics_beside.py::test_whoever_comes_on_top_is_answered_by_haproxy_alone",
    ),
    "a killed HAProxy and a killed task come back": (
        "e2e/test_kill_anything.py::test_a_killed_haproxy_is_started_again_on_the_same_port",
        "e2e/test_kill_anything.py::test_a_killed_executor_is_launched_again_on_its_agent",
    ),
    "an instance whose agent is lost or gone runs elsewhere": (
        "e2e/test_domains.py::test_an_instance_on_an_agent_that_is_gone_runs_elsewhere_at_once",
        "e2e/test_kill_anything.py::test_an_agent_killed_with_its_tasks_that_stays_dead_is_replaced_and_fenced",
    ),
    "instances are listed, restarted and replaced by hand": (
        f"{API}/test_cli.py::test_pods_are_listed_restarted_and_replaced",
    ),
}

LISTENING: dict[str, tuple[str, ...]] = {
    "fields and names have their documented defaults": (
        f"{POOL}/test_schema.py::test_a_pool_with_only_a_name_gets_every_documented_default",
        f"{POOL}/test_schema.py::test_objects_inside_get_their_defaults_too",
    ),
    "options and lines in HAProxy's words": (
        f"{HAPROXY}/test_raw_words.py::test_haproxy_reads_the_words_that_were_printed",
        f"{HAPROXY}/test_frontends.py::test_lines_in_haproxys_words_are_done_before_a_backend_is_looked_for",
        f"{HAPROXY}/test_backend_lines.py::test_the_lines_of_a_backend_hold_for_it_alone",
        "integration/validation/test_judge.py::test_words_of_haproxy_are_refused_where_they_are_switched_off",
    ),
    "HTTPS and TLS with certificates chosen by SNI": (
        f"{INSTANCE}/test_tls.py::test_the_name_that_is_asked_for_chooses_the_certificate",
        f"{POOL}/test_certificates.py::test_certificates_keep_their_order",
    ),
    "a listener waits alone for its certificate, and takes new ones without a reload": (
        f"{INSTANCE}/test_tls.py::test_a_listener_waits_alone_for_its_certificate",
        f"{INSTANCE}/test_tls.py::test_a_new_certificate_is_served_without_a_reload",
    ),
    "certificates of clients, policies, HTTP/2": (
        f"{INSTANCE}/test_tls.py::test_clients_prove_who_they_are",
        f"{INSTANCE}/test_tls.py::test_a_policy_says_which_versions_are_spoken",
        f"{INSTANCE}/test_tls.py::test_clients_choose_between_http_2_and_1",
    ),
    "TCP frontends": (
        f"{HAPROXY}/test_balance.py::test_what_is_said_over_tcp_is_passed_on_as_it_is",
        f"{HAPROXY}/test_frontends.py::test_a_tcp_frontend_closes_the_connections_of_clients_that_it_does_not_serve",
    ),
    "redirectToHttps, with exceptions": (
        f"{HAPROXY}/test_frontends.py::test_clients_are_sent_to_https_at_the_host_that_they_asked",
        f"{HAPROXY}/test_frontends.py::test_exceptions_of_the_redirect_meet_all_that_they_say",
    ),
    "rules in their order, all conditions of one, the default backend, else 503": (
        f"{HAPROXY}/test_routing.py::test_every_request_goes_where_the_first_matching_rule_says",
        f"{HAPROXY}/test_routing.py::test_rules_in_any_order_mean_what_their_order_says",
        f"{HAPROXY}/test_routing_edits.py::test_at_every_moment_a_request_goes_where_the_old_rules_or_the_new_ones_say",
    ),
    "expressions and references are looked at when a pool is written": (
        "e2e/test_changes.py::test_an_unknown_backend_and_a_broken_pattern_are_refused_with_their_paths",
        f"{POOL}/test_checks.py::test_a_backend_name_that_does_not_exist_is_named_with_those_that_do",
    ),
    "limits, passwords, clients, headers, compression, pages": (
        f"{HAPROXY}/test_frontends.py::test_a_client_that_asks_too_often_is_told_so",
        f"{HAPROXY}/test_frontends.py::test_users_give_their_password_and_servers_are_not_told",
        f"{HAPROXY}/test_frontends.py::test_clients_are_served_by_their_networks",
        f"{HAPROXY}/test_frontends.py::test_headers_are_changed_in_requests_and_in_all_answers",
        f"{HAPROXY}/test_frontends.py::test_answers_are_compressed_for_clients_that_take_it",
        f"{HAPROXY}/test_frontends.py::test_haproxy_says_what_the_pool_says_with_its_own_statuses",
    ),
    "the PROXY protocol, in and out": (
        f"{HAPROXY}/test_frontends.py::test_only_proxies_that_are_named_say_who_the_client_is",
        f"{HAPROXY}/test_server_fields.py::test_servers_are_told_by_the_proxy_protocol_in_requests_and_in_checks",
    ),
    "the statistics port answers its documented paths": (
        f"{HAPROXY}/test_routing.py::test_the_statistics_listener_answers_its_documented_paths",
        f"{HAPROXY}/test_frontends.py::test_the_statistics_port_tells_its_process",
        f"{INSTANCE}/test_metrics.py::test_the_configuration_is_shown_on_the_machine_without_secrets",
        f"{HAPROXY}/test_routing.py::test_health_is_503_while_the_instance_drains",
    ),
}

SERVING: dict[str, tuple[str, ...]] = {
    "servers are spoken to by TLS, and verified": (
        f"{HAPROXY}/test_tls_servers.py::test_servers_are_spoken_to_by_tls_and_told_the_name_of_the_pool",
        f"{HAPROXY}/test_verified_servers.py::test_only_servers_whose_certificates_are_good_are_asked",
    ),
    "algorithms of balance": (
        f"{HAPROXY}/test_balance.py::test_servers_take_turns",
        f"{HAPROXY}/test_balance.py::test_a_client_stays_with_its_server",
        f"{HAPROXY}/test_balance.py::test_the_same_request_goes_to_the_same_server",
        f"{POOL}/test_checks.py::test_balance_by_request_needs_http",
    ),
    "host and path are rewritten by all documented examples": (
        f"{HAPROXY}/test_rewriting.py::test_servers_are_told_the_host_of_the_pool_or_that_of_the_client",
        f"{HAPROXY}/test_rewriting.py::test_servers_are_asked_for_the_documented_paths",
        "unit/api/dcos_template/test_rewriting.py::test_a_path_becomes_what_the_documentation_says",
    ),
    "Location and paths of cookies are turned back": (
        f"{HAPROXY}/test_rewriting.py::test_clients_are_led_to_places_that_they_can_ask_for",
        f"{HAPROXY}/test_cookie_paths.py::test_cookies_belong_to_the_paths_that_clients_know",
    ),
    "each flag of requests, with its header": (
        f"{HAPROXY}/test_rewriting.py::test_each_flag_switches_its_own_part_off",
    ),
    "sticky clients": (
        f"{HAPROXY}/test_sticky.py::test_haproxy_takes_what_is_accepted_and_clients_get_a_cookie",
        f"{INSTANCE}/test_sticky.py::test_clients_stay_while_servers_come_and_go_and_haproxy_is_loaded_anew",
        f"{INSTANCE}/test_sticky.py::test_a_server_that_drains_keeps_its_clients_and_gets_no_others",
    ),
    "checks of servers are switched off": (f"{SELECT}::test_two_services_that_choose_the_same_port_give_one_server",),
    "checks by HTTP, TLS and other protocols": (
        f"{HAPROXY}/test_custom_checks.py::test_servers_are_up_when_they_answer_as_the_check_wants",
    ),
    "selectors of Marathon and Mesos, all conditions together": (
        f"{SELECT}::test_all_given_fields_must_match",
        f"{SELECT}::test_a_pattern_does_not_match_what_a_task_does_not_have",
        f"{SELECT}::test_a_marathon_by_another_name",
        f"{LISTENER}/test_task.py::test_marathon_ids_come_from_the_task_id_and_else_from_the_reversed_name",
        "unit/api/dcos_template/test_select.py::test_after_any_changes_the_endpoints_are_those_of_a_plain_search",
    ),
    "names, numbers and all ports; addresses of host, bridge and container": (
        "integration/bridges/test_bridges.py::test_requests_reach_the_container_by_either_address",
        f"{SELECT}::test_type_and_port_choose_address_and_port",
        f"{SELECT}::test_the_port_that_the_pool_names_needs_no_allocation",
        f"{LISTENER}/test_task.py::test_a_bridged_task_has_host_ports_and_container_ports",
        f"{LISTENER}/test_task.py::test_a_port_of_container_scope_is_the_containers_port",
    ),
    "fixed addresses, and names that are followed": (
        f"{SELECT}::test_a_fixed_address_needs_no_task",
        f"{HAPROXY}/test_names.py::test_another_address_of_a_name_is_followed_without_a_reload",
    ),
    "options and weights of servers": (
        f"{HAPROXY}/test_server_words.py::test_every_option_that_is_accepted_is_one_for_haproxy",
        f"{HAPROXY}/test_server_words.py::test_weights_share_the_requests",
        f"{HAPROXY}/test_server_fields.py::test_weights_share_and_a_backup_waits_for_its_turn",
        f"{HAPROXY}/test_shares.py::test_clients_are_shared_by_percents_while_servers_come_and_go",
    ),
    "only tasks that run and are healthy": (
        f"{SELECT}::test_only_running_and_healthy_tasks_are_chosen",
        f"{LISTENER}/test_task.py::test_a_checked_task_takes_traffic_only_after_a_success",
    ),
    "servers of version 1": (
        f"{POOL}/v1/test_round_trip.py::test_whatever_stands_in_a_server_it_is_loaded_or_refused_with_a_path",
        f"{POOL}/v1/test_schema.py::test_a_server_is_refused_by_the_path_of_version_1",
    ),
    "the same state gives the same bytes": (
        "golden/test_haproxy_config.py::test_a_pool_gives_exactly_the_kept_files",
        "unit/api/dcos_template/test_build.py::test_the_order_of_the_input_does_not_matter",
    ),
    "equal backends of one name are one": (
        "unit/api/dcos_template/test_build.py::test_a_duplicate_backend_is_printed_once",
    ),
}

LIVING: dict[str, tuple[str, ...]] = {
    "a burst of updates from Mesos is a few writes": (
        "unit/api/dcos_template/test_windows.py::test_a_burst_of_any_size_is_a_few_writes",
        "unit/api/dcos_template/test_windows.py::test_every_change_is_published_within_the_limit",
    ),
    "reloads and changes of servers lose no request": (
        f"{INSTANCE}/test_following.py::test_a_reload_loses_no_request",
        f"{INSTANCE}/test_following.py::test_servers_come_and_go_without_a_reload_or_a_lost_request",
        "e2e/test_changes.py::test_starting_and_killing_tasks_all_the_time_fails_no_request_and_needs_no_reload",
    ),
    "an update switches from blue to green and fails no request": (
        "integration/removal/test_blue_green.py::test_a_switch_from_blue_to_green_and_back_fails_no_request",
    ),
    "long connections survive reloads": (
        f"{INSTANCE}/test_old_workers.py::test_a_lasting_connection_survives_any_number_of_reloads",
    ),
    "any number of reloads leaves no process, descriptor or socket behind": (
        "integration/benchmarks/test_loads.py::test_a_benchmark_says_what_it_found",
    ),
    "limits of clients count on over reloads": (
        f"{INSTANCE}/test_handing_on.py::test_how_often_clients_have_asked_outlives_reloads",
    ),
    "many changes are joined": (f"{HAPROXY}/test_worker.py::test_many_changes_are_joined_and_old_parts_removed",),
    "a configuration that cannot be served leaves the old one": (
        f"{INSTANCE}/test_following.py::test_a_structure_that_haproxy_refuses_changes_nothing",
        "e2e/test_rejected.py::test_what_haproxy_refuses_is_told_in_its_words_and_the_old_one_serves",
    ),
    "a failover of the master takes no server away": (
        "integration/fail_static/test_masters.py::test_a_master_that_recovers_takes_nothing_away",
        f"{LISTENER}/test_index.py::test_after_a_failover_the_index_equals_the_new_master_once_agents_are_back",
    ),
    "tasks that ended in whatever way are no servers": (
        "e2e/test_domains.py::test_servers_on_an_agent_that_is_gone_get_no_requests",
        "integration/removal/test_nothing_stuck.py::test_a_task_ends",
        f"{LISTENER}/test_index.py::test_a_removed_agent_or_framework_takes_its_tasks_along",
        f"{LISTENER}/test_index.py::test_tasks_that_the_new_master_calls_unreachable_are_removed",
    ),
    "incomplete tasks are tolerated": (
        f"{LISTENER}/test_task.py::test_no_field_of_any_type_hides_a_task",
        f"{HAPROXY}/test_worker.py::test_a_task_with_an_address_that_is_none_is_left_out_and_told",
    ),
    "a snapshot may have any size": (
        "unit/sdk/mesos/test_elements.py::test_every_split_gives_the_same_elements",
        "integration/tenants/test_odd_tasks.py::test_a_task_of_many_megabytes_stops_nobody",
    ),
    "texts of users and tasks are nothing but texts": (
        "unit/api/dcos_template/test_hostile_texts.py::test_no_text_becomes_anything_else_than_itself",
        "unit/api/dcos_template/test_hostile_tasks.py::test_no_task_raises_writes_what_it_wants_or_is_noticed_by_others",
    ),
    "HAProxy takes every pool that the API takes": (
        f"{HAPROXY}/test_any_pool.py::test_haproxy_takes_every_pool_that_the_api_takes",
        f"{HAPROXY}/test_any_pool.py::test_haproxy_takes_the_documented_pools",
        f"{POOL}/test_schema.py::test_every_documented_pool_is_either_supported_or_known_to_be_refused",
    ),
    "an uninstall leaves nothing": (
        "e2e/test_uninstall.py::test_uninstalling_leaves_nothing_of_either_framework",
        "simulation/test_deploy.py::test_uninstall_leaves_nothing",
    ),
}

BEHAVIOURS: dict[str, tuple[str, ...]] = THE_API | INSTANCES | LISTENING | SERVING | LIVING
