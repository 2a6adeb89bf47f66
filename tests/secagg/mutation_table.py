"""Which test notices that a rule is off: read by ``test_mutation``."""

from __future__ import annotations

# function -> words of the rule -> test that must fail without it (of test_*)
TABLE: dict[str, dict[str, str]] = {
    "session.Bounds.__post_init__": {
        "if not 2 <= self.survivors_floor <= self.smallest_roster <= self.largest_roster": "session.test_bounds_that_could_not_be_kept_are_refused",
        "if self.largest_roster > SESSION_LIMIT": "session.test_bounds_that_could_not_be_kept_are_refused",
        "if self.colluders < 0": "session.test_bounds_that_could_not_be_kept_are_refused",
        "if self.words < 1": "session.test_bounds_that_could_not_be_kept_are_refused",
        "if not (1 <= self.sigma <= 128 and 1 <= self.eta <= 64)": "session.test_bounds_that_could_not_be_kept_are_refused",
        "if self.survivors_floor < needed": "attacks_results.test_A7_a_plan_whose_floor_is_no_quorum_is_no_plan",
    },
    "session.Session.__post_init__": {
        "if {len(one) for one in hashes} != {HASH_BYTES}": "session.test_a_session_of_other_lengths_is_refused",
        "if len(self.session_id) != SESSION_ID_BYTES": "session.test_a_session_of_other_lengths_is_refused",
        "if not 0 < len(self.task_id) <= TASK_ID_LIMIT": "session.test_a_session_of_other_lengths_is_refused",
        "if not 0 <= self.group < 1 << 32": "session.test_a_session_of_other_lengths_is_refused",
    },
    "session.set_of": {
        "for i if bitmap[i // 8] >> i % 8 & 1": "attacks_sets.test_A21_a_mask_set_without_me_is_refused",
        "if len(bitmap) != -(-size // 8)": "session.test_a_set_has_one_bitmap_only",
        "if members and max(members) >= size": "attacks_results.test_a_bitmap_that_names_nobody_on_the_roster_is_the_coordinators_fault",
    },
    "records.last": {
        "if not recorded": "records.test_no_record_and_a_record_of_something_else_are_refused",
        "except Malformed -> raise Caller('a record is torn; this session is abandoned') ": "records.test_no_record_and_a_record_of_something_else_are_refused",
        "if kinds != KINDS[:len(kinds)]": "records.test_no_record_and_a_record_of_something_else_are_refused",
        "if len(found) == len(KINDS) and found[KINDS.index('M4')][1] != found[-1][1]": "attacks_restart.test_A13_records_of_two_sessions_are_refused_where_they_meet",
    },
    "client.advertise": {
        "if len(random) != ADVERTISE_RANDOM_BYTES": "attacks_results.test_randomness_of_another_length_is_refused_before_it_is_used",
    },
    "client.accept_roster": {
        "if not bounds.smallest_roster <= size": "attacks_terms.test_A7_a_shrunk_cohort_is_refused",
        "if not size <= bounds.largest_roster": "attacks_terms.test_A7_a_cohort_beyond_the_plan_is_refused",
    },
    "client.share": {
        "if len(random) != share_random_bytes(state)": "attacks_results.test_randomness_of_another_length_is_refused_before_it_is_used",
        "state.secrets.once('M2')": "attacks_replay.test_A11_one_advertisement_is_good_for_one_roster",
    },
    "client.accept_inbox": {
        "for peer if peer in mask_set": "attacks_clients.test_a_complaint_about_someone_outside_the_mask_set_is_refused",
        "if me not in mask_set": "attacks_sets.test_A21_a_mask_set_without_me_is_refused",
        "if len(mask_set) < session.bounds.survivors_floor": "attacks_sets.test_A4_a_mask_set_below_the_floor_is_refused_by_two_rules",
        "if len(dealers) < seat.threshold": "attacks_graph.test_A4_a_mask_set_with_too_few_of_my_neighbours_is_refused",
        "if len(message.places) != len(dealers)": "attacks_sets.test_A21_an_inbox_with_missing_or_more_places_is_refused",
    },
    "client._open_place": {
        "if len(place) != PLACE_BYTES": "attacks_dealers.test_A10_a_place_of_another_length_is_complained_about",
        "except aead.Unopened -> return None": "attacks_dealers.test_A10_a_seal_moved_to_another_holder_or_dealer_is_complained_about",
        "if not hmac.compare_digest(expected, place[-2 * TAG_BYTES:])": "attacks_dealings.test_A9_shares_that_do_not_match_their_tags_are_complained_about",
        "hmac.compare_digest(expected, place[-2 * TAG_BYTES:])": "attacks_dealings.test_A9_shares_that_do_not_match_their_tags_are_complained_about",
        "if not (shamir.in_field(seed_share) and shamir.in_field(key_share))": "attacks_dealings.test_A9_a_share_dealt_out_of_the_field_is_complained_about_and_does_no_harm",
        "shamir.in_field(seed_share)": "attacks_dealings.test_A9_a_share_dealt_out_of_the_field_is_complained_about_and_does_no_harm",
        "shamir.in_field(key_share)": "attacks_dealings.test_A9_a_share_dealt_out_of_the_field_is_complained_about_and_does_no_harm",
    },
    "client.mask": {
        "if vector.shape != (session.bounds.words,)": "attacks_results.test_a_vector_that_is_not_words_is_refused_before_it_is_masked",
        "if vector.dtype != np.uint64": "attacks_results.test_a_vector_that_is_not_words_is_refused_before_it_is_masked",
        "seat.secrets.once('M4')": "attacks_restart.test_A13_an_update_that_was_masked_is_spent_whatever_becomes_of_the_session",
        "for (position, peer) if peer in state.mask_set and peer not in state.held": "attacks_sets.test_A21_a_spoilt_seal_is_masked_against_all_the_same_and_complained_about",
    },
    "client.endorse": {
        "for peer if peer in survivors": "attacks_quorum.test_A2_nobody_releases_both_secrets_of_one_client",
        "if me not in survivors": "attacks_survivors.test_A3_a_survivor_set_without_me_is_refused",
        "if not survivors <= opened.mask_set": "attacks_survivors.test_A3_a_survivor_beyond_the_mask_set_is_refused",
        "if len(survivors) < session.bounds.survivors_floor": "attacks_survivors.test_A4_chosen_drop_outs_below_the_floor_are_refused_by_two_rules",
        "if len(live) < seat.threshold": "attacks_graph.test_A4_a_survivor_set_with_too_few_of_my_neighbours_is_refused",
        "if len(message.headers) != len(live)": "attacks_survivors.test_A22_a_phantom_survivor_without_a_header_is_refused",
        "verify(signed, public=roster.device_keys[index], context=labels.MASKED + roster.": "attacks_survivors.test_A22_a_phantom_with_a_header_that_is_not_its_own_is_refused",
        "except ValueError -> raise CoordinatorFault(f\"a survivor's header fails: {error}\"": "attacks_survivors.test_A22_a_phantom_with_a_header_that_is_not_its_own_is_refused",
        "if header.mask_set_hash != mask_set_hash": "attacks_sets.test_A21_split_mask_sets_are_not_endorsed",
        "if len(headers) == len(survivors) and header_root(headers, roster.device_keys) != shown_root": "attacks_survivors.test_A3_a_root_of_other_headers_is_refused",
        "seat.secrets.once('M6')": "attacks_restart.test_A3_after_the_endorsement_another_survivor_set_is_offered_in_vain",
    },
    "client.unmask": {
        "if len(endorsers) != len(message.endorsers)": "attacks_quorum.test_A3_an_endorsement_counted_twice_opens_nothing",
        "if not endorsers <= state.survivors": "attacks_quorum.test_A22_an_endorsement_by_someone_who_did_not_survive_opens_nothing",
        "if len(endorsers) < seat.place.quorum": "attacks_quorum.test_A3_a_quorum_one_short_opens_nothing",
        "verify(assemble(payload, bare, public=public), public=public, context=context)": "attacks_quorum.test_A3_a_quorum_for_another_set_than_i_endorsed_opens_nothing",
        "except ValueError -> raise CoordinatorFault('an endorsement is not of the set tha": "attacks_quorum.test_A3_a_quorum_for_another_set_than_i_endorsed_opens_nothing",
        "seat.secrets.once('M8')": "attacks_quorum.test_A2_a_second_quorum_is_not_answered_and_would_get_the_very_same_bytes",
        "for peer if peer not in state.survivors": "attacks_quorum.test_A2_nobody_releases_both_secrets_of_one_client",
        "for (peer, both) if peer in state.survivors": "attacks_quorum.test_A2_nobody_releases_both_secrets_of_one_client",
        "for (peer, both) if peer not in state.survivors": "attacks_quorum.test_A2_nobody_releases_both_secrets_of_one_client",
    },
    "client.accept_result": {
        "if len(message) > SIGNED_LIMIT": "attacks_results.test_a_result_is_the_coordinators_and_of_this_session_or_refused",
    },
    "client.accept_transcript": {
        "if hashlib.sha256(message).digest() != state.transcript_hash": "attacks_results.test_A3_a_transcript_that_is_not_the_one_in_the_result_is_refused",
        "if (found.session, bound, found.endorsement, found.sum_hash) != mine": "attacks_results.test_A1_A3_A7_a_transcript_of_another_story_is_refused",
        "if on_roster != found.size": "attacks_results.test_A3_a_transcript_of_counts_that_no_session_ends_with_is_refused",
        "if list(in_order) != sorted(in_order, reverse=True)": "attacks_results.test_A3_a_transcript_of_counts_that_no_session_ends_with_is_refused",
        "if sharers > survived": "attacks_results.test_A3_a_transcript_of_counts_that_no_session_ends_with_is_refused",
        "if any((index >= found.size for index in named))": "attacks_results.test_A3_a_transcript_of_counts_that_no_session_ends_with_is_refused",
        "if not endorsed == len(set(found.endorsers)) == len(found.endorsers) >= needed": "attacks_results.test_A3_a_transcript_of_counts_that_no_session_ends_with_is_refused",
    },
    "client._parse": {
        "except Malformed -> raise CoordinatorFault(f'the coordinator sent something malf": "attacks_results.test_bytes_that_are_no_message_are_the_coordinators_fault",
    },
    "client._read_set": {
        "except ValueError -> raise CoordinatorFault(f'the coordinator sent {error}') from": "attacks_results.test_a_bitmap_that_names_nobody_on_the_roster_is_the_coordinators_fault",
    },
    "client._from_server": {
        "verify(message, public=session.server_public, context=context)": "attacks_sets.test_A11_a_mask_set_or_survivor_set_signed_for_something_else_is_refused",
        "except ValueError -> raise CoordinatorFault(f\"a statement is not the coordinator'": "attacks_sets.test_A11_a_mask_set_or_survivor_set_signed_for_something_else_is_refused",
    },
    "roster.read_advertisement": {
        "if len(message) > ADVERTISEMENT_LIMIT": "attacks_clients.test_an_advertisement_too_long_or_by_a_stranger_is_refused",
        "if check(both.credential) != advertisement.device_key": "attacks_roster.test_A5_a_credential_of_another_device_is_refused",
        "check(both.credential)": "attacks_clients.test_A5_an_advertisement_without_a_valid_credential_is_refused",
        "signature.verify(both.signed, public=advertisement.device_key, context=context)": "attacks_clients.test_an_advertisement_too_long_or_by_a_stranger_is_refused",
        "agreement.check_public(advertisement.channel_key)": "attacks_dealers.test_A19_a_key_of_low_order_costs_its_sender_a_place_and_nobody_else_anything",
        "agreement.check_public(advertisement.mask_key)": "attacks_dealers.test_A19_a_key_of_low_order_costs_its_sender_a_place_and_nobody_else_anything",
        "except ValueError -> raise PeerFault(None, f'an advertisement was refused: {error": "attacks_clients.test_an_advertisement_too_long_or_by_a_stranger_is_refused",
    },
    "roster.table": {
        "if any((one >= other for one, other in pairwise(keys)))": "attacks_roster.test_A6_rows_in_an_order_that_the_server_chose_are_refused",
    },
    "roster.read_roster": {
        "except PeerFault -> raise CoordinatorFault(f'the roster fails: {error}') from No": "attacks_roster.test_A5_a_device_that_stands_twice_is_refused",
        "if found.root != terms.root": "attacks_roster.test_A6_a_root_of_other_rows_is_refused",
        "if me is None": "attacks_roster.test_A11_a_roster_without_my_advertisement_as_i_sent_it_is_refused",
        "if found.digests[me] != digest_of(own)": "attacks_roster.test_A11_a_roster_without_my_advertisement_as_i_sent_it_is_refused",
        "if len(around) < terms.threshold": "attacks_graph.test_A7_a_graph_that_leaves_me_fewer_neighbours_than_shares_is_refused",
        "if len(message.peers) != len(around)": "attacks_roster.test_A21_a_roster_that_does_not_show_exactly_my_neighbours_is_refused",
        "if hashlib.sha256(payload).digest() != found.digests[index]": "attacks_roster.test_A11_a_neighbour_shown_with_other_keys_than_it_signed_is_refused",
        "signature.verify(signed, public=public, context=context)": "attacks_roster.test_A1_a_row_made_for_another_model_is_refused",
        "agreement.check_public(advertisement.channel_key)": "attacks_roster.test_A19_a_client_refuses_a_roster_with_a_key_of_low_order",
        "agreement.check_public(advertisement.mask_key)": "attacks_roster.test_A19_a_client_refuses_a_roster_with_a_key_of_low_order",
        "except ValueError -> raise CoordinatorFault(f\"a neighbour's advertisement fails: ": "attacks_roster.test_A19_a_client_refuses_a_roster_with_a_key_of_low_order",
    },
    "roster.check_terms": {
        "if (cycles == 0) != (size <= COMPLETE_LIMIT)": "attacks_terms.test_A7_a_roster_beyond_the_complete_graph_has_cycles",
        "if not connectivity.accepts(size, bounds.colluders, lost, cycles, threshold, sigma=bounds.sigma, eta=bounds.eta)": "attacks_terms.test_A7_fewer_cycles_are_refused_with_every_threshold",
    },
    "roster._check_enrolled": {
        "check(credential)": "attacks_roster.test_A5_a_credential_that_does_not_hold_sinks_the_roster_wherever_it_stands",
        "except ValueError -> raise CoordinatorFault(f'the roster holds a row that fails: ": "attacks_roster.test_A5_a_credential_that_does_not_hold_sinks_the_roster_wherever_it_stands",
        'raise CoordinatorFault("the roster holds a row under another device\'s credential': "attacks_roster.test_A5_a_credential_of_another_device_is_refused",
    },
    "server.join": {
        "if known.advertisement != row.advertisement": "attacks_clients.test_a_device_that_advertises_twice_is_held_to_the_first",
        "if len(state.rows) >= state.session.bounds.largest_roster": "attacks_clients.test_a_full_roster_takes_nobody_else",
    },
    "server.close_joining": {
        "if len(state.rows) < bounds.smallest_roster": "attacks_results.test_A4_a_server_goes_on_with_no_set_below_the_floor",
    },
    "server._graph_for": {
        "except finder.Infeasible -> raise Abandoned(f'no graph bears what the plan demands: {err": "attacks_results.test_A7_a_server_for_which_no_graph_is_safe_enough_abandons",
    },
    "server.receive": {
        "raise Caller('advertisements go to join(), before there are indices')": "attacks_clients.test_advertisements_have_no_sender_and_go_nowhere_else",
        "raise PeerFault(sender, f\"client {sender} comes after the session's end\")": "attacks_clients.test_a_message_after_the_sum_is_refused_by_name",
        "except ValueError -> raise PeerFault(sender, f'client {sender}: {error}') from No": "attacks_clients.test_a_message_by_another_hand_is_refused",
    },
    "server.close_unmasking": {
        "if len(accounting) > ACCOUNTING_LIMIT": "attacks_results.test_what_a_server_can_sign_its_clients_can_read",
    },
    "server.close_sharing": {
        "if len(mask_set) < floor": "attacks_results.test_A4_a_server_goes_on_with_no_set_below_the_floor",
        "for dealer if dealer in mask_set": "attacks_clients.test_who_is_outside_the_set_of_a_phase_is_not_heard_in_it",
    },
    "server._add_input": {
        "if sender not in state.mask_set": "attacks_clients.test_who_is_outside_the_set_of_a_phase_is_not_heard_in_it",
        "if not entry.complaints <= state.mask_set": "attacks_clients.test_a_complaint_about_someone_outside_the_mask_set_is_refused",
        "if entry.header.mask_set_hash != set_hash(roster.sid, state.mask_set, len(roster))": "attacks_clients.test_a_vector_under_another_mask_set_is_refused",
        "if entry.header.vector_hash != hashlib.sha256(masked.vector).digest()": "attacks_clients.test_a_vector_that_is_not_the_signed_one_is_refused",
    },
    "server.close_masking": {
        "if len(state.inputs) < bounds.survivors_floor": "attacks_results.test_A4_a_server_goes_on_with_no_set_below_the_floor",
        "if len(survivors) < bounds.survivors_floor": "attacks_complaints.test_A23_false_complaints_about_everyone_abandon_the_session_and_blame_nobody",
        "for peer if peer in survivors": "attacks_dealers.test_A23_silence_ends_in_the_sum_of_the_others_or_in_none",
    },
    "server._with_enough_holders": {
        "for dealer if sum((holder in survivors and dealer not in inputs[holder].complaints for holder in sharing.neighbours[dealer])) >= sharing.threshold": "attacks_complaints.test_A23_too_few_holders_cost_a_place_without_blame",
    },
    "server._add_endorsement": {
        "if sender not in state.survivors": "attacks_clients.test_who_is_outside_the_set_of_a_phase_is_not_heard_in_it",
        "if _payload(sharing, sender, message, labels.ENDORSE) != state.endorsement.payload()": "attacks_clients.test_a_client_that_says_two_things_is_held_to_the_first",
    },
    "server.close_endorsing": {
        "if len(state.endorsements) < needed": "attacks_results.test_A4_a_server_goes_on_with_no_set_below_the_floor",
    },
    "server._add_release": {
        "if sender not in endorsing.survivors": "attacks_clients.test_who_is_outside_the_set_of_a_phase_is_not_heard_in_it",
    },
    "server._payload": {
        "if not 0 <= sender": "attacks_clients.test_a_message_by_another_hand_is_refused",
        "if not sender < len(state.roster)": "attacks_clients.test_a_message_by_another_hand_is_refused",
        "if len(message) > limit": "attacks_clients.test_a_message_too_long_is_refused_before_it_is_decoded",
        "verify(message, public=public, context=label + state.roster.sid)": "attacks_clients.test_a_message_by_another_hand_is_refused",
    },
    "server._same": {
        "if known != payload": "attacks_clients.test_a_client_that_says_two_things_is_held_to_the_first",
    },
    "recovery.seed_dealers": {
        "for d if d in endorsing.survivors and d not in unusable": "attacks_complaints.test_A23_as_many_liars_as_are_borne_cost_an_honest_dealer_nothing",
    },
    "recovery.gone": {
        "for d if d in left": "attacks_dealings.test_A9_false_edge_tags_of_one_who_dropped_out_are_its_own_lie",
    },
    "recovery.key_dealers": {
        "for d if d not in unusable": "attacks_dealings.test_A9_nobody_who_is_honest_is_blamed_for_what_others_did",
    },
    "recovery.distrusted": {
        "for (dealer, complaints) if complaints > most": "attacks_complaints.test_A23_as_many_liars_as_are_borne_cost_an_honest_dealer_nothing",
    },
    "recovery._Opening._blame_by_many": {
        "for edge if edge in claims": "attacks_complaints.test_A9_edge_tags_that_more_contradict_than_may_lie_blame_their_dealer_without_its_key",
        "if contradicted > most": "attacks_complaints.test_A9_edge_tags_that_more_contradict_than_may_lie_blame_their_dealer_without_its_key",
        "self.blamed.setdefault(dropped, 'tagged an edge falsely')": "attacks_complaints.test_A9_edge_tags_that_more_contradict_than_may_lie_blame_their_dealer_without_its_key",
    },
    "recovery.open_masks": {
        "if opening.closed": "attacks_blame.test_A9_more_false_shares_than_are_borne_fail_closed_and_blame_them_all",
    },
    "recovery._Opening.self_seeds": {
        "hmac.compare_digest(found, expected)": "attacks_blame.test_A9_false_seed_shares_are_dropped_their_holders_blamed_and_the_sum_exact",
    },
    "recovery._Opening.edges": {
        "hmac.compare_digest(keys.edge_tag(self.sid, survivor, dropped, seed), expected)": "attacks_blame.test_A9_a_false_edge_seed_is_computed_anew_and_its_sender_blamed",
    },
    "recovery._Opening._edges_by_keys": {
        "hmac.compare_digest(claim, seed)": "attacks_blame.test_A9_a_false_edge_seed_is_computed_anew_and_its_sender_blamed",
        "if claim is not None and hmac.compare_digest(claim, seed)": "attacks_dealings.test_A9_false_edge_tags_of_one_who_dropped_out_are_its_own_lie",
        "self.blamed.setdefault(dropped, 'tagged an edge falsely')": "attacks_dealings.test_A9_false_edge_tags_of_one_who_dropped_out_are_its_own_lie",
        "if claim is not None": "attacks_blame.test_A9_a_false_edge_seed_is_computed_anew_and_its_sender_blamed",
        "self.blamed.setdefault(survivor, 'released a false edge seed')": "attacks_blame.test_A9_a_false_edge_seed_is_computed_anew_and_its_sender_blamed",
    },
    "recovery._Opening._mask_keys": {
        "return AgreementKey(private).public == rows[dealer].advertisement.mask_key": "attacks_dealings.test_A9_a_dealer_that_dealt_another_key_than_it_promised_is_blamed_once_it_matters",
    },
    "recovery._Opening._open": {
        "for d if len(held.get(d, ())) >= needed": "attacks_results.test_A23_with_too_few_releases_nothing_opens_and_nobody_is_blamed",
        "self.closed.append(f\"too few shares of a client's secret were released; {needed}": "attacks_results.test_A23_with_too_few_releases_nothing_opens_and_nobody_is_blamed",
        "if secret is None": "attacks_blame.test_A9_false_seed_shares_are_dropped_their_holders_blamed_and_the_sum_exact",
        "if not right(dealer, secret)": "attacks_blame.test_A9_a_shift_that_the_range_check_cannot_see_is_seen_by_the_tags",
    },
    "recovery._Opening._open_by_tags": {
        "self.blamed.setdefault(holder, 'released a share that is not the one dealt')": "attacks_blame.test_A9_false_seed_shares_are_dropped_their_holders_blamed_and_the_sum_exact",
        "hmac.compare_digest(tag_of(self.sid, dealer, holder, share), expected)": "attacks_blame.test_A9_false_seed_shares_are_dropped_their_holders_blamed_and_the_sum_exact",
        "if len(matching) < needed": "attacks_blame.test_A9_more_false_shares_than_are_borne_fail_closed_and_blame_them_all",
        "self.closed.append(f\"too few true shares of a client's secret were released; {ne": "attacks_blame.test_A9_more_false_shares_than_are_borne_fail_closed_and_blame_them_all",
        "if secret is None": "attacks_dealings.test_A9_a_dealing_that_does_not_fit_itself_blames_its_dealer_and_no_holder",
        "if not right(dealer, secret)": "attacks_dealings.test_A9_a_dealer_that_dealt_another_seed_than_it_promised_is_blamed",
        "self.blamed.setdefault(dealer, 'dealt shares of something else than it promised'": "attacks_dealings.test_A9_a_dealer_that_dealt_another_seed_than_it_promised_is_blamed",
        "self.closed.append(f'the shares of client {dealer} do not open what it promised'": "attacks_dealings.test_A9_a_dealer_that_dealt_another_seed_than_it_promised_is_blamed",
    },
    "keys.Secrets.once": {
        "if kind in self._made": "attacks_restart.test_A11_every_message_is_made_once",
    },
}  # fmt: skip

# Rules behind another one that nothing can get past: there is no attack to show them with.
SPARE = {
    "recovery._Opening._edges_by_keys: self.closed.append(f'client {survivor} advertised a key "
    "of low order')": "keys of low order never reach a roster (read_advertisement)",
}
